//! The columns of the tables that users bring, with what is expected in each, in German and English.

use serde::Serialize;

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Schools: each row is a `register-school`.
    Schools,
    /// Organisations: each row is a `register-organisation`.
    Organisations,
    /// Network offices: each row is an `establish-network-office`.
    Offices,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name in the first line.
    pub name: &'static str,
    /// Whether each row must have a value.
    pub required: bool,
    /// What is expected, in German.
    pub de: &'static str,
    /// What is expected, in English.
    pub en: &'static str,
    /// A value that is possible.
    pub example: &'static str,
    /// Where a refusal of the command points if it means this value.
    pub pointer: &'static str,
}

const fn column(
    name: &'static str,
    required: bool,
    pointer: &'static str,
    de: &'static str,
    en: &'static str,
    example: &'static str,
) -> Column {
    Column { name, required, de, en, example, pointer }
}

const SOURCE: Column = column(
    "source",
    false,
    "/data/provenance/source",
    "Kurzname der Quelle, höchstens 40 Buchstaben (ohne Umlaute), Ziffern, Leerzeichen, Punkte, Schräg- oder Bindestriche",
    "short name of the source, at most 40 letters (ASCII), digits, blanks, dots, slashes or hyphens",
    "Schulverzeichnis 2026",
);
const STATUS: Column = column(
    "status",
    false,
    "/data/provenance/status",
    "stated (so angegeben), inferred (erschlossen) oder historic (letzter bekannter Stand)",
    "stated, inferred or historic",
    "stated",
);
const AS_OF: Column = column(
    "as_of",
    false,
    "/data/provenance/as_of",
    "Stand der Quelle als Datum, z. B. 2026-08-01",
    "the day as of which the source speaks, for example 2026-08-01",
    "2026-08-01",
);
const REGISTERED_ON: Column = column(
    "registered_on",
    false,
    "/occurred_on",
    "Datum des Vorgangs, z. B. 2026-08-01; leer: heute",
    "business date, for example 2026-08-01; empty: today",
    "2026-08-01",
);

const SCHOOLS: &[Column] = &[
    column(
        "school_id",
        true,
        "/data/school",
        "1 bis 40 Buchstaben, Ziffern oder Bindestriche",
        "1 to 40 letters, digits or hyphens",
        "ST-2026-0001",
    ),
    column(
        "name",
        true,
        "/data/name",
        "der Name der Schule, höchstens 200 Bytes",
        "the school's name, at most 200 bytes",
        "Sekundarschule Musterstadt",
    ),
    column(
        "form_code",
        true,
        "/data/form",
        "der Code einer Schulform, z. B. GS, SEK, GMS, IGS, KGS, GYM, FOES, BBS, ZBW, WAL oder UNKNOWN",
        "the code of a school form, for example GS, SEK, GMS, IGS, KGS, GYM, FOES, BBS, ZBW, WAL or UNKNOWN",
        "SEK",
    ),
    column(
        "district_ags5",
        true,
        "/data/district",
        "der fünfstellige Kreisschlüssel, z. B. 15083",
        "the five-digit key of the district, for example 15083",
        "15083",
    ),
    column(
        "ownership",
        true,
        "/data/ownership",
        "public (öffentlich), private (frei) oder unknown (nicht bekannt)",
        "public, private or unknown",
        "public",
    ),
    column(
        "authority_id",
        false,
        "/data/authority",
        "die Kennung des Schulträgers, 1 bis 80 Buchstaben, Ziffern oder Bindestriche",
        "the identifier of the school authority, 1 to 80 letters, digits or hyphens",
        "",
    ),
    SOURCE,
    STATUS,
    AS_OF,
    REGISTERED_ON,
];

const ORGANISATIONS: &[Column] = &[
    column(
        "organisation_id",
        true,
        "/data/organisation",
        "1 bis 80 Buchstaben, Ziffern oder Bindestriche",
        "1 to 80 letters, digits or hyphens",
        "jugendhilfe-musterstadt-e-v",
    ),
    column(
        "name",
        true,
        "/data/name",
        "der Name der Organisation, höchstens 200 Bytes",
        "the organisation's name, at most 200 bytes",
        "Jugendhilfe Musterstadt e. V.",
    ),
    column(
        "legal_form",
        true,
        "/data/legal_form",
        "registered_association, non_profit_company, limited_company, foundation, cooperative, church_body, local_authority, state_authority, other oder unknown",
        "registered_association, non_profit_company, limited_company, foundation, cooperative, church_body, local_authority, state_authority, other or unknown",
        "registered_association",
    ),
    column("sector", true, "/data/sector", "public (öffentlich) oder private (frei)", "public or private", "private"),
    column(
        "kind",
        true,
        "/data/kind",
        "free_youth_welfare, public_youth_welfare, school_authority, coordination, authority oder other",
        "free_youth_welfare, public_youth_welfare, school_authority, coordination, authority or other",
        "free_youth_welfare",
    ),
    column(
        "district_ags5",
        false,
        "/data/district",
        "der fünfstellige Kreisschlüssel des Sitzes, z. B. 15083",
        "the five-digit key of the seat's district, for example 15083",
        "15083",
    ),
    SOURCE,
    STATUS,
    AS_OF,
    REGISTERED_ON,
];

const OFFICES: &[Column] = &[
    column(
        "district_ags5",
        true,
        "/data/district",
        "der fünfstellige Kreisschlüssel, z. B. 15083",
        "the five-digit key of the district, for example 15083",
        "15083",
    ),
    column(
        "name",
        true,
        "/data/name",
        "der Name der Netzwerkstelle, höchstens 200 Bytes",
        "the office's name, at most 200 bytes",
        "Netzwerkstelle Musterkreis",
    ),
    column(
        "provider_id",
        true,
        "/data/provider",
        "die Kennung des Trägers, 1 bis 80 Buchstaben, Ziffern oder Bindestriche",
        "the identifier of the provider, 1 to 80 letters, digits or hyphens",
        "jugendhilfe-musterstadt-e-v",
    ),
    column(
        "from",
        true,
        "/data/from",
        "der erste Tag als Datum, z. B. 2026-08-01",
        "the first day, for example 2026-08-01",
        "2026-08-01",
    ),
    column(
        "place",
        false,
        "/data/site/place",
        "der Ort, höchstens 200 Bytes",
        "the town, at most 200 bytes",
        "Musterstadt",
    ),
    column(
        "postcode",
        false,
        "/data/site/postcode",
        "die fünfstellige Postleitzahl",
        "the five-digit postcode",
        "39340",
    ),
    SOURCE,
    STATUS,
    AS_OF,
    column(
        "reason",
        false,
        "/reason",
        "der Code eines Grundes; nötig, wenn seit der Schließung der alten Netzwerkstelle eine Lücke besteht",
        "the code of a reason; needed if there is a gap since the old office was closed",
        "",
    ),
    REGISTERED_ON,
];

/// The columns of a kind of table, in the order of its template.
pub const fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Schools => SCHOOLS,
        Kind::Organisations => ORGANISATIONS,
        Kind::Offices => OFFICES,
    }
}

/// A table with the names of the columns and one row as an example, separated by commas.
pub fn template(kind: Kind) -> String {
    let line = |value: fn(&Column) -> &'static str| columns(kind).iter().map(value).collect::<Vec<_>>().join(",");
    format!("{}\n{}\n", line(|column| column.name), line(|column| column.example))
}
