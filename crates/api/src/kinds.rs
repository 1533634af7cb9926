//! Every kind of problem that an answer can name. The address of a kind never changes.

use axum::http::StatusCode;

/// A kind of problem (RFC 9457): its address is `/problems/<name>` and documents it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Address: the problem's `type`.
    pub uri: &'static str,
    /// Status of the answer.
    pub status: StatusCode,
    /// German title.
    pub de: &'static str,
    /// English title.
    pub en: &'static str,
    /// What it means and what to do, in German.
    pub about_de: &'static str,
    /// The same in English.
    pub about_en: &'static str,
}

impl Kind {
    /// The last part of its address.
    pub fn name(&self) -> &'static str {
        self.uri.trim_start_matches("/problems/")
    }
}

macro_rules! kinds {
    ($($id:ident = $name:literal, $status:ident, $de:literal, $en:literal, $about_de:literal, $about_en:literal;)+) => {
        $(#[doc = $about_en]
        pub static $id: Kind = Kind {
            uri: concat!("/problems/", $name),
            status: StatusCode::$status,
            de: $de,
            en: $en,
            about_de: $about_de,
            about_en: $about_en,
        };)+

        /// Every kind.
        pub static ALL: &[&Kind] = &[$(&$id),+];
    };
}

kinds! {
    MALFORMED = "malformed", BAD_REQUEST, "Die Anfrage ist nicht lesbar.", "The request cannot be read.",
        "Der Text ist kein gültiges JSON oder nicht UTF-8. `detail` nennt die Stelle.",
        "The text is not valid JSON or not UTF-8. `detail` names the place.";
    PARAMETER = "parameter", BAD_REQUEST, "Eine Angabe in Adresse oder Kopfzeile ist ungültig.", "A query parameter or header is invalid.",
        "`errors` nennt je Angabe den Namen und was erwartet wird.",
        "`errors` names each of them and says what is expected.";
    UNAUTHORISED = "unauthorised", UNAUTHORIZED, "Es fehlt ein gültiger Schlüssel.", "A valid key is missing.",
        "Die Anfrage braucht `Authorization: Bearer sfs_…` mit einem Schlüssel, der ausgegeben, nicht gesperrt und nicht abgelaufen ist.",
        "The request needs `Authorization: Bearer sfs_…` with a key that was issued, not revoked, and has not ended.";
    FORBIDDEN = "forbidden", FORBIDDEN, "Keine Ihrer Rollen erlaubt das.", "None of your roles allows this.",
        "Die Tabelle unter `/v1/catalogue` zeigt, welche Rolle was darf.",
        "The table at `/v1/catalogue` shows which role may do what.";
    NOT_FOUND = "not-found", NOT_FOUND, "Das gibt es nicht, oder es liegt außerhalb Ihres Bereichs.", "There is no such thing, or it lies outside of your scope.",
        "Was fehlt und was Ihnen nicht gezeigt werden darf, wird gleich beantwortet.",
        "What is absent and what you may not see is answered alike.";
    METHOD = "method-not-allowed", METHOD_NOT_ALLOWED, "Diese Adresse kennt die Methode nicht.", "This address does not know the method.",
        "`Allow` nennt die möglichen Methoden.", "`Allow` names the possible methods.";
    NOT_ACCEPTABLE = "not-acceptable", NOT_ACCEPTABLE, "In dieser Form gibt es die Antwort nicht.", "The answer does not exist in this form.",
        "`Accept` verlangt eine Darstellung, die diese Adresse nicht hat. `detail` nennt die möglichen.",
        "`Accept` asks for a representation that this address does not have. `detail` names the possible ones.";
    RULE = "rule-violated", CONFLICT, "Eine Regel des Programms steht dagegen.", "A rule of the programme is against it.",
        "Der Vorgang widerspricht dem, was jetzt gilt. `errors` nennt die Regel mit ihrer Nummer. Es wurde nichts gespeichert.",
        "The command contradicts what is true now. `errors` names the rule by its number. Nothing was stored.";
    KNOWN_PERSON = "known-person", CONFLICT, "Diese Person ist schon unter einem anderen Pseudonym erfasst.", "This person is known already under another pseudonym.",
        "Es wurde nichts gespeichert. `known_as` nennt das Pseudonym, wenn die Person in Ihrem Bereich liegt; dann unter diesem weiterarbeiten.",
        "Nothing was stored. `known_as` is the pseudonym if the person lies in your scope; then go on under that one.";
    KEY_EXPIRED = "idempotency-key-expired", CONFLICT, "Dieser Idempotency-Key ist zu alt.", "This Idempotency-Key is too old.",
        "Der Vorgang wurde vor mehr als 30 Tagen ausgeführt; ob der Inhalt derselbe war, ist nicht mehr bekannt. Er wurde nicht wiederholt.",
        "The command was done more than 30 days ago; whether its body was the same is no longer known. It was not repeated.";
    REBUILDING = "rebuilding", CONFLICT, "Die Auswertung wird schon neu aufgebaut.", "The read models are being rebuilt already.",
        "`GET /admin/v1/projections` zeigt, wie weit es ist.", "`GET /admin/v1/projections` shows how far it is.";
    STALE = "version-stale", PRECONDITION_FAILED, "Der Stand hat sich inzwischen geändert.", "It has changed in the meantime.",
        "`If-Match` nennt eine Version, die nicht mehr gilt, oder `If-None-Match: *` etwas, das es schon gibt. `current_version` nennt die geltende.",
        "`If-Match` names a version that is no longer current, or `If-None-Match: *` something that already exists. `current_version` is the current one.";
    TOO_LARGE = "too-large", PAYLOAD_TOO_LARGE, "Die Anfrage ist zu groß.", "The request is too large.",
        "Ein Vorgang hat höchstens 64 KiB, eine Liste 16 MiB (mode=all) oder 64 MiB (mode=each).",
        "A command has at most 64 KiB, a list 16 MiB (mode=all) or 64 MiB (mode=each).";
    MEDIA_TYPE = "media-type", UNSUPPORTED_MEDIA_TYPE, "Dieser Medientyp wird nicht angenommen.", "This media type is not taken.",
        "Vorgänge sind `application/json`, Listen `application/x-ndjson`, ohne Content-Encoding.",
        "Commands are `application/json`, lists `application/x-ndjson`, without a content encoding.";
    INVALID = "invalid", UNPROCESSABLE_ENTITY, "Die Angaben sind so nicht gültig.", "What is stated is not valid.",
        "`errors` nennt je Feld den JSON-Pointer, die Regel und was erwartet wird. Es wurde nichts gespeichert.",
        "`errors` names for each field the JSON pointer, the rule and what is expected. Nothing was stored.";
    KEY_REUSED = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "Dieser Idempotency-Key gehört zu einem anderen Vorgang.", "This Idempotency-Key belongs to another command.",
        "Derselbe Schlüssel kam mit anderem Inhalt. Es wurde nichts gespeichert; für einen neuen Vorgang einen neuen Schlüssel wählen.",
        "The same key came with another body. Nothing was stored; choose a new key for a new command.";
    NOT_RECORDABLE = "not-recordable", UNPROCESSABLE_ENTITY, "Der Vorgang lässt sich so nicht festhalten.", "The command cannot be recorded like this.",
        "Was der Vorgang enthält, passt nicht in die gespeicherte Form. Es wurde nichts gespeichert.",
        "What the command holds does not fit into the stored form. Nothing was stored.";
    LIST = "list-not-done", FAILED_DEPENDENCY, "Ein anderer Vorgang der Liste war nicht möglich.", "Another command of the list could not be done.",
        "Mit mode=all geschieht alles oder nichts. `line` nennt die Zeile, an der es lag.",
        "With mode=all everything happens, or nothing. `line` names the line that was in the way.";
    VERSION_MISSING = "version-missing", PRECONDITION_REQUIRED, "Es fehlt die Version, die geändert werden soll.", "The version to be changed is missing.",
        "Dieser Vorgang braucht `If-Match` mit der Version, die Sie gesehen haben (`ETag` der Antwort auf das Lesen).",
        "This command needs `If-Match` with the version that you have seen (the `ETag` of a read).";
    TOO_MANY = "too-many-requests", TOO_MANY_REQUESTS, "Zu viele Anfragen mit diesem Schlüssel.", "Too many requests with this key.",
        "Nach `Retry-After` Sekunden noch einmal senden.", "Send it again after `Retry-After` seconds.";
    DEFECT = "defect", INTERNAL_SERVER_ERROR, "Das Programm hat einen Fehler.", "The program has a defect.",
        "Das sollte nie vorkommen. Bitte mit `request_id` melden; ein Vorgang darf mit demselben Idempotency-Key wiederholt werden.",
        "This should never happen. Please report it with the `request_id`; a command may be repeated with the same Idempotency-Key.";
    OVERLOADED = "overloaded", SERVICE_UNAVAILABLE, "Es ist gerade zu viel zu tun.", "There is too much to do just now.",
        "Es wurde nichts gespeichert. Nach `Retry-After` Sekunden noch einmal senden.",
        "Nothing was stored. Send it again after `Retry-After` seconds.";
    CONTENDED = "contended", SERVICE_UNAVAILABLE, "Andere ändern dasselbe zur gleichen Zeit.", "Others are changing the same at the same time.",
        "Es wurde nichts gespeichert. Noch einmal senden.", "Nothing was stored. Send it again.";
    STORAGE = "storage", SERVICE_UNAVAILABLE, "Der Speicher antwortet nicht.", "The storage does not answer.",
        "Es wurde nichts gespeichert. Der Betrieb muss nachsehen; danach noch einmal senden.",
        "Nothing was stored. The operator has to look; then send it again.";
    OUTCOME_UNKNOWN = "outcome-unknown", SERVICE_UNAVAILABLE, "Es ist nicht bekannt, ob der Vorgang gespeichert wurde.", "It is not known whether the command was stored.",
        "Mit demselben Idempotency-Key noch einmal senden: dann geschieht er genau einmal.",
        "Send it again with the same Idempotency-Key: then it happens exactly once.";
    LOG_UNREADABLE = "log-unreadable", SERVICE_UNAVAILABLE, "Das Protokoll enthält etwas, das dieses Programm nicht lesen kann.", "The log holds something that this program cannot read.",
        "Ein Ereignis ist von einer neueren Version oder beschädigt. Es wird nichts übersprungen und nichts geraten.",
        "An event is of a newer version or damaged. Nothing is skipped and nothing is guessed.";
    PROOFS_NOT_READY = "proofs-not-ready", SERVICE_UNAVAILABLE, "Die Beweise sind noch nicht so weit.", "The proofs are not there yet.",
        "Der Hashbaum wird gerade aus dem Protokoll gebildet und geprüft. Nach `Retry-After` Sekunden noch einmal fragen.",
        "The tree of hashes is being made from the log and checked. Ask again after `Retry-After` seconds.";
    BEHIND = "read-model-behind", SERVICE_UNAVAILABLE, "Die Auswertung ist noch nicht so weit.", "The read model is not there yet.",
        "Ihre Eingabe ist gespeichert, aber noch nicht in den Zahlen. Nach `Retry-After` Sekunden noch einmal fragen, oder mit `Prefer: handling=lenient` den jetzigen Stand nehmen.",
        "What you entered is stored, but not yet in the figures. Ask again after `Retry-After` seconds, or take what there is with `Prefer: handling=lenient`.";
    HALTED = "read-model-halted", SERVICE_UNAVAILABLE, "Die Auswertung steht.", "The read model has stopped.",
        "Eine Projektion kam nicht weiter und hält an, statt etwas zu überspringen. Der Betrieb muss nachsehen.",
        "A projection could not go on, and stops instead of skipping something. The operator has to look.";
    TIMEOUT = "timeout", SERVICE_UNAVAILABLE, "Die Antwort hat zu lange gedauert.", "The answer took too long.",
        "Ein Vorgang kann trotzdem gespeichert sein: mit demselben Idempotency-Key noch einmal senden.",
        "A command may be stored nevertheless: send it again with the same Idempotency-Key.";
    SHUTTING_DOWN = "shutting-down", SERVICE_UNAVAILABLE, "Der Dienst wird gerade beendet.", "The service is shutting down.",
        "Es wurde nichts gespeichert. Gleich noch einmal senden.", "Nothing was stored. Send it again in a moment.";
}

/// The kind that stands for a bare status, where the answer comes from no route of ours.
pub fn of_status(status: StatusCode) -> &'static Kind {
    match status {
        StatusCode::UNAUTHORIZED => &UNAUTHORISED,
        StatusCode::FORBIDDEN => &FORBIDDEN,
        StatusCode::NOT_FOUND => &NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED => &METHOD,
        StatusCode::NOT_ACCEPTABLE => &NOT_ACCEPTABLE,
        StatusCode::PAYLOAD_TOO_LARGE => &TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => &MEDIA_TYPE,
        StatusCode::UNPROCESSABLE_ENTITY => &INVALID,
        StatusCode::TOO_MANY_REQUESTS => &TOO_MANY,
        StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => &TIMEOUT,
        status if status.is_client_error() => &MALFORMED,
        _ => &DEFECT,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_an_address_of_its_own_and_says_what_to_do() {
        let names: BTreeSet<_> = ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ALL.len());
        for kind in ALL {
            for sentence in [kind.de, kind.en, kind.about_de, kind.about_en] {
                assert!(sentence.ends_with('.'), "{}: {sentence}", kind.name());
            }
            assert!(kind.status.is_client_error() || kind.status.is_server_error());
        }
    }
}
