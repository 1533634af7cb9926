//! The table of commands: one line each.

use super::Category::{
    Absence, ChildProtection, Cooperation, Intervention, Log, NetworkOffice, Organisation, Person, Principal,
    Programme, School, Staff, SupportCase, Training, TrainingNeed, Vacancy,
};
use super::Precondition::{Creates, None, Version};
use super::{CommandEntry, RecordKind, Role, Takes, command};

const SSW: Role = Role::SchoolSocialWorker;
const PM: Role = Role::ProviderManager;
const NO: Role = Role::NetworkOffice;
const CO: Role = Role::CoordinationOffice;
const MB: Role = Role::Ministry;
const GA: Role = Role::GrantingAuthority;
const YO: Role = Role::YouthOffice;
const DPO: Role = Role::DataProtectionOfficer;
const AD: Role = Role::Administrator;
const SYS: Role = Role::System;

const IDENTITY: &[Takes] = &[Takes { kind: RecordKind::Identity, required: true }];
const STAFF_IDENTITY: &[Takes] = &[Takes { kind: RecordKind::StaffIdentity, required: true }];
const ABSENCE: &[Takes] = &[Takes { kind: RecordKind::Absence, required: false }];
const CASE: &[Takes] =
    &[Takes { kind: RecordKind::CaseProfile, required: true }, Takes { kind: RecordKind::CaseConcern, required: true }];
const ABSENCE_GROUND: &[Takes] = &[Takes { kind: RecordKind::Absence, required: true }];
const REFERRAL: &[Takes] = &[Takes { kind: RecordKind::Referral, required: true }];
const REFERRAL_OUTCOME: &[Takes] = &[Takes { kind: RecordKind::ReferralOutcome, required: true }];
const ASSESSMENT: &[Takes] = &[Takes { kind: RecordKind::GoalAssessment, required: true }];
const CASE_OUTCOME: &[Takes] = &[Takes { kind: RecordKind::CaseOutcome, required: true }];
/// What a case has of sealed records.
const OF_CASES: &[RecordKind] = &[
    RecordKind::Note,
    RecordKind::CaseProfile,
    RecordKind::CaseConcern,
    RecordKind::Referral,
    RecordKind::ReferralOutcome,
    RecordKind::GoalAssessment,
    RecordKind::CaseOutcome,
];
const NOTE: &[Takes] = &[Takes { kind: RecordKind::Note, required: true }];

/// Every command.
#[rustfmt::skip]
pub const COMMANDS: &[CommandEntry] = &[
    command("open-programme", Programme, Creates, &[MB, GA], "Programm anlegen", "Open a programme"),
    command("define-funding-period", Programme, None, &[MB, GA], "Förderzeitraum benennen", "Define a funding period"),
    command("define-funding-cycle", Programme, None, &[MB, GA], "Förderzyklus festlegen", "Define a funding cycle"),
    command("change-cofinancing-rates", Programme, Version, &[MB, GA], "Finanzierungsanteile ändern", "Change co-financing rates"),
    command("close-funding-cycle", Programme, Version, &[MB, GA], "Förderzyklus abschließen", "Close a funding cycle"),
    command("register-organisation", Organisation, Creates, &[CO, MB, GA, NO], "Organisation registrieren", "Register an organisation"),
    command("confirm-provider-recognition", Organisation, None, &[CO, MB, GA], "Anerkennung bestätigen", "Confirm a provider's recognition"),
    command("set-vat-status", Organisation, None, &[GA, PM], "Vorsteuerabzug festhalten", "Set the VAT status"),
    command("amend-organisation", Organisation, Version, &[CO, MB, GA], "Angaben zur Organisation ändern", "Amend an organisation"),
    command("record-beneficial-owners", Organisation, None, &[PM, GA], "Wirtschaftlich Berechtigte erfassen", "Record beneficial owners"),
    command("deactivate-organisation", Organisation, Version, &[CO, MB, GA], "Organisation stilllegen", "Deactivate an organisation"),
    command("register-school", School, Creates, &[CO, MB, GA, NO], "Schule registrieren", "Register a school"),
    command("change-school-form", School, Version, &[CO, MB, GA], "Schulform ändern", "Change a school's form"),
    command("merge-schools", School, Version, &[CO, MB, GA], "Schulen zusammenlegen", "Merge schools"),
    command("close-school", School, Version, &[CO, MB, GA], "Schule schließen", "Close a school"),
    command("record-pupil-numbers", School, None, &[CO, MB, GA, NO], "Schülerzahlen erfassen", "Record pupil numbers"),
    // Not `Creates`: an office is established again after it was closed.
    command("establish-network-office", NetworkOffice, None, &[CO, MB, GA], "Netzwerkstelle einrichten", "Establish a network office"),
    command("add-network-office-site", NetworkOffice, None, &[CO, NO], "Standort ergänzen", "Add a network office site"),
    command("change-network-office-provider", NetworkOffice, Version, &[CO, MB, GA], "Träger der Netzwerkstelle wechseln", "Change a network office's provider"),
    command("close-network-office", NetworkOffice, Version, &[CO, MB, GA], "Netzwerkstelle schließen", "Close a network office"),
    command("propose-cooperation", Cooperation, Creates, &[PM, NO, CO], "Kooperation vorschlagen", "Propose a cooperation"),
    command("record-conference-resolution", Cooperation, None, &[PM, NO, CO], "Beschluss der Gesamtkonferenz erfassen", "Record a school conference's resolution"),
    command("record-expert-opinion", Cooperation, None, &[YO, GA, NO, CO], "Fachliches Votum erfassen", "Record an expert opinion"),
    command("sign-cooperation-agreement", Cooperation, None, &[PM, NO, CO], "Kooperationsvereinbarung schließen", "Sign a cooperation agreement"),
    command("amend-cooperation-agreement", Cooperation, Version, &[PM, NO, CO], "Kooperationsvereinbarung ändern", "Amend a cooperation agreement"),
    command("hold-cooperation-review", Cooperation, None, &[PM, NO, CO], "Kooperation auswerten", "Hold a cooperation review"),
    command("raise-cooperation-issue", Cooperation, None, &[PM, NO, CO], "Problem der Kooperation melden", "Raise a cooperation issue"),
    command("resolve-cooperation-issue", Cooperation, None, &[PM, NO, CO], "Problem der Kooperation lösen", "Resolve a cooperation issue"),
    command("terminate-cooperation", Cooperation, Version, &[PM, CO, GA], "Kooperation beenden", "Terminate a cooperation"),
    command("confirm-staff-qualification", Staff, None, &[PM, GA], "Qualifikation bestätigen", "Confirm a qualification"),
    command("assign-staff", Staff, None, &[PM], "Fachkraft einsetzen", "Assign staff"),
    command("change-assignment-fte", Staff, Version, &[PM], "Stellenanteil ändern", "Change an assignment's FTE"),
    command("end-assignment", Staff, Version, &[PM], "Einsatz beenden", "End an assignment"),
    command("report-vacancy", Vacancy, Creates, &[PM, NO], "Vakanz melden", "Report a vacancy"),
    command("fill-vacancy", Vacancy, Version, &[PM], "Vakanz besetzen", "Fill a vacancy"),
    command("withdraw-vacancy", Vacancy, Version, &[PM, NO], "Vakanz zurückziehen", "Withdraw a vacancy"),
    command("identify-training-need", TrainingNeed, Creates, &[CO, NO], "Fortbildungsbedarf feststellen", "Identify a training need"),
    command("withdraw-training-need", TrainingNeed, Version, &[CO, NO], "Fortbildungsbedarf zurücknehmen", "Withdraw a training need"),
    command("offer-training", Training, Creates, &[CO, NO], "Fortbildung anbieten", "Offer a training"),
    command("reschedule-training", Training, Version, &[CO, NO], "Fortbildung verlegen", "Reschedule a training"),
    command("record-training-registrations", Training, None, &[CO, NO], "Anmeldungen erfassen", "Record training registrations"),
    command("hold-training", Training, None, &[CO, NO], "Fortbildung durchführen", "Hold a training"),
    command("confirm-training-attendance", Training, None, &[CO, NO], "Teilnahme bestätigen", "Confirm training attendance"),
    command("register-training-participant", Training, None, &[CO, NO], "Person zur Fortbildung anmelden", "Register a training participant"),
    command("withdraw-training-participant", Training, None, &[CO, NO], "Person von der Fortbildung abmelden", "Withdraw a training participant"),
    command("confirm-participant-attendance", Training, None, &[CO, NO], "Teilnahme einer Person bestätigen", "Confirm a participant's attendance"),
    command("issue-training-certificate", Training, None, &[CO, NO], "Teilnahme bescheinigen", "Issue a training certificate"),
    command("evaluate-training", Training, None, &[CO, NO], "Fortbildung auswerten", "Evaluate a training"),
    command("cancel-training", Training, Version, &[CO, NO], "Fortbildung absagen", "Cancel a training"),
    // A stream holds a school's whole year: demanding its version would make colleagues wait
    // for each other, and the decision names the one intervention anyway.
    command("record-intervention", Intervention, None, &[SSW, PM], "Intervention erfassen", "Record an intervention"),
    command("correct-intervention", Intervention, None, &[SSW, PM], "Intervention berichtigen", "Correct an intervention"),
    command("void-intervention", Intervention, None, &[SSW, PM], "Intervention stornieren", "Void an intervention"),
    command("grant-role", Principal, None, &[AD], "Rolle geben", "Grant a role"),
    command("revoke-role", Principal, None, &[AD], "Rolle entziehen", "Revoke a role"),
    command("issue-api-key", Principal, None, &[AD], "Schlüssel ausgeben", "Issue an API key"),
    command("revoke-api-key", Principal, None, &[AD], "Schlüssel sperren", "Revoke an API key"),
    command("record-absence", Absence, None, &[PM], "Abwesenheit erfassen", "Record an absence").taking(ABSENCE),
    command("amend-absence", Absence, None, &[PM], "Abwesenheit ändern", "Amend an absence").taking(ABSENCE),
    command("correct-absence-ground", Absence, None, &[PM], "Grund einer Abwesenheit berichtigen", "Correct the ground of an absence").taking(ABSENCE_GROUND),
    command("withdraw-absence", Absence, None, &[PM], "Abwesenheit zurücknehmen", "Withdraw an absence"),
    command("appoint-substitute", Absence, None, &[PM], "Vertretung einsetzen", "Appoint a substitute"),
    command("end-substitution", Absence, None, &[PM], "Vertretung beenden", "End a substitution"),
    // Cases belong to their owners: the aggregate checks who asks. A provider's manager only gives the
    // case of somebody who has left to somebody else, and reads nothing.
    command("open-support-case", SupportCase, None, &[SSW], "Fall eröffnen", "Open a support case").taking(CASE),
    command("record-support-contact", SupportCase, None, &[SSW], "Kontakt erfassen", "Record a support contact"),
    command("write-note", SupportCase, None, &[SSW], "Vertrauliche Notiz ablegen", "Write a confidential note").taking(NOTE),
    command("open-note", SupportCase, None, &[SSW], "Vertrauliche Notiz öffnen", "Open a confidential note")
        .opening(OF_CASES),
    command("name-deputy", SupportCase, None, &[SSW], "Vertretung im Fall benennen", "Name a case's deputy"),
    command("hand-over-case", SupportCase, None, &[SSW], "Fall übergeben", "Hand a case over"),
    command("reassign-case", SupportCase, None, &[PM], "Fall neu zuordnen", "Reassign a case"),
    command("agree-support-goal", SupportCase, None, &[SSW], "Ziel vereinbaren", "Agree a support goal"),
    command("assess-support-goal", SupportCase, None, &[SSW], "Ziel bewerten", "Assess a support goal").taking(ASSESSMENT),
    command("refer-case", SupportCase, None, &[SSW], "An eine Stelle vermitteln", "Refer a pupil to a service").taking(REFERRAL),
    command("record-referral-outcome", SupportCase, None, &[SSW], "Ergebnis der Vermittlung erfassen", "Record a referral's outcome").taking(REFERRAL_OUTCOME),
    command("close-support-case", SupportCase, Version, &[SSW], "Fall schließen", "Close a support case").taking(CASE_OUTCOME),
    command("reopen-support-case", SupportCase, Version, &[SSW], "Fall wieder öffnen", "Reopen a support case"),
    command("raise-protection-concern", ChildProtection, Creates, &[SSW, PM], "Anhaltspunkt für Gefährdung festhalten", "Raise a protection concern"),
    command("hold-risk-assessment", ChildProtection, None, &[SSW, PM], "Gefährdungseinschätzung festhalten", "Hold a risk assessment"),
    command("inform-youth-office", ChildProtection, None, &[SSW, PM], "Jugendamt informieren", "Inform the youth office"),
    command("close-protection-process", ChildProtection, Version, &[SSW, PM], "Schutzverfahren abschließen", "Close a protection process"),
    // Who registers, corrects and opens depends on the kind of person, so each kind has lines of its
    // own: a role whose scope is the whole state must not reach the people of another.
    command("register-participant", Person, Creates, &[SSW, PM], "Teilnehmende Person registrieren", "Register a participant").taking(IDENTITY),
    command("register-pupil", Person, Creates, &[SSW], "Pseudonym für die Einzelfallhilfe vergeben", "Register a pupil's pseudonym"),
    command("register-staff-member", Person, Creates, &[PM], "Identität einer Fachkraft registrieren", "Register who a member of staff is").taking(STAFF_IDENTITY),
    command("register-beneficial-owner", Person, Creates, &[PM, GA], "Wirtschaftlich Berechtigte registrieren", "Register a beneficial owner").taking(IDENTITY),
    command("register-trainee", Person, Creates, &[NO, CO], "Person für Fortbildungen registrieren", "Register a person for trainings").taking(IDENTITY),
    command("correct-identity", Person, None, &[SSW, PM], "Angaben zur Person berichtigen", "Correct who a person is").taking(IDENTITY),
    command("correct-staff-identity", Person, None, &[PM], "Angaben zur Fachkraft berichtigen", "Correct who a member of staff is").taking(STAFF_IDENTITY),
    command("correct-trainee-identity", Person, None, &[NO, CO], "Angaben zur Person einer Fortbildung berichtigen", "Correct who a participant of a training is").taking(IDENTITY),
    // Names are seen at the provider alone; owners also by who grants the money, those of trainings
    // by who holds them.
    command("open-record", Person, None, &[SSW, PM, DPO], "Versiegelte Angaben öffnen", "Open a sealed record")
        .opening(&[RecordKind::Identity, RecordKind::StaffIdentity, RecordKind::Absence]),
    command("open-owner-record", Person, None, &[GA], "Angaben zu wirtschaftlich Berechtigten öffnen", "Open a beneficial owner's record")
        .opening(&[RecordKind::Identity]),
    command("open-trainee-record", Person, None, &[NO, CO], "Angaben zur Person einer Fortbildung öffnen", "Open a training participant's record")
        .opening(&[RecordKind::Identity]),
    command("export-person", Person, None, &[PM, DPO], "Auskunft über eine Person erstellen", "Export what is known of a person")
        .opening(RecordKind::ALL),
    command("export-pupil", Person, None, &[SSW], "Auskunft über einen Fall erstellen", "Export what is known of a pupil")
        .opening(RecordKind::ALL),
    command("lock-retention", Person, None, &[PM, GA, DPO], "Aufbewahrungssperre setzen", "Lock retention"),
    command("end-retention-lock", Person, None, &[GA, DPO], "Aufbewahrungssperre vorzeitig beenden", "End a retention lock early"),
    command("set-legal-hold", Person, None, &[PM, GA, DPO], "Löschstopp setzen", "Set a legal hold"),
    command("release-legal-hold", Person, None, &[GA, DPO], "Löschstopp aufheben", "Release a legal hold"),
    command("restrict-processing", Person, None, &[PM, DPO], "Verarbeitung einschränken", "Restrict processing"),
    command("lift-restriction", Person, None, &[PM, DPO], "Einschränkung der Verarbeitung aufheben", "Lift the restriction of processing"),
    command("request-erasure", Person, None, &[SSW, PM, CO, DPO], "Löschung beantragen", "Request erasure"),
    command("refuse-erasure", Person, None, &[DPO], "Löschung ablehnen", "Refuse erasure"),
    command("approve-erasure", Person, None, &[PM, DPO], "Löschung genehmigen", "Approve erasure"),
    command("begin-erasure", Person, None, &[SYS], "Löschung beginnen", "Begin an erasure"),
    command("record-erasure", Person, None, &[SYS], "Löschung festhalten", "Record an erasure"),
    command("record-key-rotation", Log, None, &[SYS], "Schlüsselwechsel festhalten", "Record a key rotation"),
];
