//! The reference files as commands: programme, organisations, schools, offices. The identity of a command comes from
//! the file and the row, so a second run changes nothing and an interrupted one goes on.

use std::collections::BTreeMap;

use sfs_command::{Caller, CommandError, Handler, Outcome, Request};
use sfs_domain::catalogue::command_entry;
use sfs_domain::identity::{Label, Name};
use sfs_domain::organisation::{Kind, LegalForm, Sector};
use sfs_domain::programme::{CategoryOfRegion, Fund};
use sfs_domain::provenance::{Provenance, ProvenanceStatus};
use sfs_domain::{BusinessDate, Command, OrganisationId, Period, network_office, organisation, programme, school};

use super::{ImportError, Progress, derived_id};
use crate::reference::{FundingCycleRow, OfficeRow, ProgrammeRow, ReferenceFiles, SchoolRow, files, slug};

/// What taking over the reference data came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReferenceImport {
    /// Rows taken over now, by command.
    pub accepted: BTreeMap<&'static str, u64>,
    /// Rows that were there before, by command.
    pub unchanged: BTreeMap<&'static str, u64>,
    /// Rows that were refused since the log says otherwise: row key and number of the rule.
    pub refused: Vec<(String, &'static str)>,
    /// Rows whose business date lies after today: a later run takes them over.
    pub later: u64,
}

impl ReferenceImport {
    /// How many events were appended.
    pub fn events(&self) -> u64 {
        self.accepted.values().sum()
    }
}

/// The day of the list of schools: November and December 2016.
const SCHOOLS_AS_OF: &str = "2016-12-01";

/// The days on which expenditure may be eligible (Regulation (EU) 2021/1060, Art. 63(2)).
const ELIGIBILITY: (&str, &str) = ("2021-01-01", "2030-01-01");

/// Takes the reference files over. The caller needs [`Role::Ministry`](sfs_domain::Role::Ministry) for the whole
/// state. The business date of a row is the day from which its source speaks; rows of which that day has not come on
/// the handler's clock are left for a later run.
pub async fn reference_data(
    handler: &Handler,
    caller: &Caller,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<ReferenceImport, ImportError> {
    reference_data_after(handler, caller, None, progress).await
}

/// The same for the rows only whose business date lies after a day: what has come since an earlier run on that day.
pub async fn reference_data_after(
    handler: &Handler,
    caller: &Caller,
    after: Option<BusinessDate>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<ReferenceImport, ImportError> {
    let files = files().map_err(ImportError::Reference)?;
    let today = handler.clock().today();
    let mut drafts = drafts(files)?;
    drafts.retain(|draft| after.is_none_or(|after| after < draft.on));
    let all = drafts.len();
    drafts.retain(|draft| draft.on <= today);
    let mut result = ReferenceImport { later: (all - drafts.len()) as u64, ..ReferenceImport::default() };
    let total = drafts.len() as u64;
    let mut done = 0;
    // What a row builds on stands in an earlier file.
    for batch in drafts.chunks(250) {
        let requests = batch.iter().map(|draft| draft.request(caller)).collect::<Result<Vec<_>, _>>()?;
        let outcomes = handler.handle_each(caller, &requests).await;
        for (draft, outcome) in batch.iter().zip(outcomes) {
            result.take(draft, outcome)?;
        }
        done += batch.len() as u64;
        progress(Progress { done, total, what_de: "Referenzdaten übernehmen" });
    }
    Ok(result)
}

impl ReferenceImport {
    fn take(&mut self, draft: &Draft, outcome: Result<Outcome, CommandError>) -> Result<(), ImportError> {
        match outcome {
            Ok(Outcome::Accepted(_)) => *self.accepted.entry(draft.command_name).or_default() += 1,
            // The digest is forgotten after 30 days, the id never: it was done.
            Ok(Outcome::Replayed(_) | Outcome::Unchanged { .. } | Outcome::Would { .. })
            | Err(CommandError::PayloadForgotten) => *self.unchanged.entry(draft.command_name).or_default() += 1,
            Err(CommandError::Refused(refused)) => {
                self.refused.push((format!("{}: {}", draft.file, draft.key), refused.rule));
            }
            Err(CommandError::Forbidden | CommandError::NotFound) => return Err(ImportError::Forbidden),
            Err(source) => return Err(ImportError::Command { command: draft.command_name, source }),
        }
        Ok(())
    }
}

/// A row as a command.
struct Draft {
    file: &'static str,
    key: String,
    command_name: &'static str,
    command: Command,
    on: BusinessDate,
}

impl Draft {
    fn request(&self, caller: &Caller) -> Result<Request, ImportError> {
        let entry = command_entry(self.command_name)
            .ok_or_else(|| ImportError::Value(format!("there is no command `{}`", self.command_name)))?;
        let id = derived_id(&[
            b"sfs reference data",
            // Another importer is another command: it finds everything there and changes nothing.
            caller.principal.0.as_bytes(),
            self.file.as_bytes(),
            self.key.as_bytes(),
        ]);
        let mut request = Request::new(entry, self.command.clone(), id);
        request.occurred_on = Some(self.on);
        Ok(request)
    }
}

fn drafts(files: &ReferenceFiles) -> Result<Vec<Draft>, ImportError> {
    let mut all = vec![open_programme(&files.programme)?];
    for row in &files.funding_periods {
        all.push(Draft {
            file: "funding_periods.csv",
            key: row.label.to_string(),
            command_name: "define-funding-period",
            command: Command::Programme(programme::Command::DefineFundingPeriod {
                cci: files.programme.cci.clone(),
                label: row.label.clone(),
                period: row.period,
                provenance: Some(row.provenance.clone()),
            }),
            on: files.programme.decided_on,
        });
    }
    all.extend(files.funding_cycles.iter().map(|row| define_cycle(&files.programme, row)));
    all.push(coordination_office(&files.programme)?);
    all.extend(files.offices.iter().map(register_provider));
    let as_of = day(SCHOOLS_AS_OF)?;
    for row in &files.schools {
        all.push(register_school(row, as_of)?);
    }
    all.extend(files.offices.iter().map(establish_office));
    Ok(all)
}

fn value(why: impl std::fmt::Display) -> ImportError {
    ImportError::Value(why.to_string())
}

fn day(text: &str) -> Result<BusinessDate, ImportError> {
    BusinessDate::parse(text).map_err(value)
}

fn label(text: &str) -> Result<Label, ImportError> {
    Label::parse(text).map_err(value)
}

fn open_programme(row: &ProgrammeRow) -> Result<Draft, ImportError> {
    let command = programme::Command::OpenProgramme {
        cci: row.cci.clone(),
        title: row.title.clone(),
        specific_objective: row.specific_objective.clone(),
        fund: Fund::EsfPlus,
        // All of Sachsen-Anhalt.
        category_of_region: CategoryOfRegion::Transition,
        // Support for primary to secondary education, excluding infrastructure.
        intervention_field: label("149")?,
        // No source that was found names it.
        priority: None,
        eligibility: Period::new(day(ELIGIBILITY.0)?, day(ELIGIBILITY.1)?).map_err(value)?,
        // Objective and intervention field are concluded from the wording of the guideline.
        provenance: Some(Provenance {
            source: label("efreporter.de")?,
            status: ProvenanceStatus::Inferred,
            as_of: Some(row.decided_on),
        }),
    };
    Ok(Draft {
        file: "programme.json",
        key: row.cci.to_string(),
        command_name: "open-programme",
        command: Command::Programme(command),
        on: row.decided_on,
    })
}

fn define_cycle(programme: &ProgrammeRow, row: &FundingCycleRow) -> Draft {
    Draft {
        file: "funding_cycles.csv",
        key: row.cycle.to_string(),
        command_name: "define-funding-cycle",
        command: Command::Programme(programme::Command::DefineFundingCycle {
            cci: programme.cci.clone(),
            cycle: row.cycle.clone(),
            module: row.module,
            period: row.period,
            rates: row.rates,
            // The guideline is known by its date only; there is no file of it.
            legal_basis: None,
            provenance: Some(row.provenance.clone()),
        }),
        on: row.period.from.max(programme.decided_on),
    }
}

fn coordination_office(row: &ProgrammeRow) -> Result<Draft, ImportError> {
    let command = organisation::Command::RegisterOrganisation {
        organisation: OrganisationId::parse(slug(row.coordination_office.as_str())).map_err(value)?,
        name: row.coordination_office.clone(),
        legal_form: legal_form(&row.coordination_office, false),
        sector: Sector::Private,
        kind: Kind::Coordination,
        district: None,
        provenance: Some(Provenance {
            source: label("schulerfolg-sichern.de")?,
            status: ProvenanceStatus::Stated,
            as_of: None,
        }),
    };
    Ok(Draft {
        file: "programme.json",
        key: "coordination_office".to_owned(),
        command_name: "register-organisation",
        command: Command::Organisation(command),
        on: row.decided_on,
    })
}

fn register_provider(row: &OfficeRow) -> Draft {
    let command = organisation::Command::RegisterOrganisation {
        organisation: row.provider.clone(),
        name: row.provider_name.clone(),
        legal_form: legal_form(&row.provider_name, row.public),
        sector: if row.public { Sector::Public } else { Sector::Private },
        kind: if row.public { Kind::PublicYouthWelfare } else { Kind::FreeYouthWelfare },
        // A district has its seat in itself; where an association has its seat, the file does not say.
        district: row.public.then(|| row.district.clone()),
        provenance: Some(row.provenance.clone()),
    };
    Draft {
        file: "network_offices.csv provider",
        key: row.district.to_string(),
        command_name: "register-organisation",
        command: Command::Organisation(command),
        on: row.from,
    }
}

/// The legal form, as far as the name says it.
fn legal_form(name: &Name, public: bool) -> LegalForm {
    let name = name.as_str();
    match () {
        () if public => LegalForm::LocalAuthority,
        () if name.ends_with("e. V.") || name.ends_with("e.V.") => LegalForm::RegisteredAssociation,
        () if name.ends_with("gGmbH") => LegalForm::NonProfitCompany,
        () if name.ends_with("GmbH") => LegalForm::LimitedCompany,
        () => LegalForm::Unknown,
    }
}

fn register_school(row: &SchoolRow, as_of: BusinessDate) -> Result<Draft, ImportError> {
    let command = school::Command::RegisterSchool {
        school: row.school.clone(),
        name: row.name.clone(),
        form: row.form.clone(),
        district: row.district.clone(),
        ownership: row.ownership,
        authority: None,
        // The list has neither form nor district: both are concluded.
        provenance: Some(Provenance {
            source: label("JedeSchule 2016")?,
            status: ProvenanceStatus::Inferred,
            as_of: Some(as_of),
        }),
    };
    Ok(Draft {
        file: "schools.csv",
        key: row.school.to_string(),
        command_name: "register-school",
        command: Command::School(command),
        on: as_of,
    })
}

fn establish_office(row: &OfficeRow) -> Draft {
    let command = network_office::Command::EstablishNetworkOffice {
        district: row.district.clone(),
        name: row.name.clone(),
        provider: row.provider.clone(),
        from: row.from,
        site: row.site.clone(),
        provenance: Some(row.provenance.clone()),
    };
    Draft {
        file: "network_offices.csv",
        key: row.district.to_string(),
        command_name: "establish-network-office",
        command: Command::NetworkOffice(command),
        on: row.from,
    }
}

#[cfg(test)]
mod tests {
    use sfs_domain::school::School;
    use sfs_domain::{network_office, school};

    use super::*;
    use crate::import::testing::{Subject, at};

    #[tokio::test]
    async fn the_reference_files_are_taken_over_and_a_second_run_changes_nothing() {
        let subject = Subject::new(at("2025-02-03T08:00:00Z")).await;
        let first = reference_data(&subject.handler, &subject.ministry().await, &|_| ()).await.unwrap();
        assert_eq!(first.refused, []);
        assert_eq!(first.later, 0);
        let of = |name| first.accepted.get(name).copied().unwrap_or_default();
        assert_eq!([of("open-programme"), of("define-funding-period"), of("define-funding-cycle")], [1, 3, 7],);
        assert_eq!([of("register-organisation"), of("register-school"), of("establish-network-office")], [15, 901, 14],);
        let before = subject.head().await;
        let second = reference_data(&subject.handler, &subject.ministry().await, &|_| ()).await.unwrap();
        assert_eq!((second.events(), second.unchanged), (0, first.accepted));
        assert_eq!(subject.head().await.root, before.root);
    }

    #[tokio::test]
    async fn an_interrupted_run_goes_on_where_it_was() {
        let whole = Subject::new(at("2025-02-03T08:00:00Z")).await;
        reference_data(&whole.handler, &whole.ministry().await, &|_| ()).await.unwrap();
        let parts = Subject::new(at("2025-02-03T08:00:00Z")).await;
        let caller = parts.ministry().await;
        let drafts = drafts(files().unwrap()).unwrap();
        let some: Vec<Request> = drafts[..700].iter().map(|draft| draft.request(&caller).unwrap()).collect();
        parts.handler.handle_each(&caller, &some).await;
        let rest = reference_data(&parts.handler, &caller, &|_| ()).await.unwrap();
        assert_eq!(rest.events(), drafts.len() as u64 - 700);
        assert_eq!(parts.head().await.size, whole.head().await.size);
    }

    #[tokio::test]
    async fn what_has_not_yet_come_is_left_for_a_later_run() {
        let subject = Subject::new(at("2022-02-01T08:00:00Z")).await;
        let early = reference_data(&subject.handler, &subject.ministry().await, &|_| ()).await.unwrap();
        assert!(early.later > 0);
        assert_eq!(early.accepted.get("open-programme"), None);
        subject.clock.set(at("2025-02-03T08:00:00Z"));
        let late = reference_data(&subject.handler, &subject.ministry().await, &|_| ()).await.unwrap();
        assert_eq!((late.later, late.events()), (0, early.later));
    }

    #[tokio::test]
    async fn what_changed_since_stays_as_it_is() {
        let subject = Subject::new(at("2025-02-03T08:00:00Z")).await;
        let caller = subject.ministry().await;
        reference_data(&subject.handler, &caller, &|_| ()).await.unwrap();
        let school = sfs_domain::SchoolId::parse("ST-JS2016-1").unwrap();
        let change = school::Command::ChangeSchoolForm { school: school.clone(), form: Label::parse("GMS").unwrap() };
        let mut request =
            Request::new(command_entry("change-school-form").unwrap(), Command::School(change), derived_id(&[b"test"]));
        request.precondition = sfs_command::Precondition::Version(1);
        subject.handler.handle(&caller, &request).await.unwrap();
        let again = reference_data(&subject.handler, &caller, &|_| ()).await.unwrap();
        assert_eq!((again.events(), again.refused.len()), (0, 0));
        let folded = subject.handler.state(&school::stream(&school)).await.unwrap();
        assert_eq!(
            <School as sfs_domain::catalogue::Folded>::of(&folded.state).unwrap().known().unwrap().form.as_str(),
            "GMS"
        );
        let office = network_office::stream(&sfs_domain::Ags::parse("15083").unwrap());
        assert_eq!(subject.handler.state(&office).await.unwrap().version, 1);
    }

    #[tokio::test]
    async fn who_holds_no_role_takes_nothing_over() {
        let subject = Subject::new(at("2025-02-03T08:00:00Z")).await;
        let outcome = reference_data(&subject.handler, &Caller::console(), &|_| ()).await;
        assert!(matches!(outcome, Err(ImportError::Forbidden)));
        assert_eq!(subject.head().await.size, 0);
    }
}
