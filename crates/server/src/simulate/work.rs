//! What school social workers do on a day: kinds of work by school form and day of the week, with what each carries.
//! The shares are plausible, not measured.

use sfs_domain::Headcount;
use sfs_domain::intervention::work::{
    AdviceForm, AdvisedRole, Body, BodyRole, ClassLevels, ClimateMethod, CrisisResult, GroupKind, GuardianForm,
    Involved, Kind, MediationResult, ParticipationForm, ParticipationResult, Partner, Reach, SpaceActivity, Topic,
    Urgency, Work,
};
use sfs_domain::measure::{Parties, People, Sessions};

use super::chance::Chance;
use super::{SimulationError, value};

/// Kinds by weight on a school day in the middle of the week, with least and most minutes.
const KINDS: [(Kind, u32, i32, i32); 15] = [
    (Kind::Crisis, 60, 20, 120),
    (Kind::Mediation, 75, 25, 60),
    (Kind::Prevention, 65, 45, 180),
    (Kind::LearningClimate, 50, 30, 90),
    (Kind::SocialLearning, 85, 45, 90),
    (Kind::Participation, 55, 30, 90),
    (Kind::SocialSpace, 30, 30, 180),
    (Kind::StaffAdvice, 140, 15, 45),
    (Kind::GuardianSupport, 110, 15, 60),
    (Kind::Committee, 30, 45, 120),
    (Kind::Networking, 60, 20, 120),
    (Kind::Preparation, 90, 15, 60),
    (Kind::Documentation, 110, 15, 45),
    (Kind::Travel, 25, 15, 45),
    (Kind::TrainingAttended, 7, 120, 360),
];

/// By how much a form, a day of the week and holidays change the weight of a kind, in percent.
fn percent(kind: Kind, form: &str, weekday: usize, school_day: bool) -> u32 {
    let by_form = match (form, kind) {
        ("GS", Kind::SocialLearning | Kind::GuardianSupport) => 140,
        ("GS", Kind::Crisis | Kind::Participation) => 70,
        ("SEK" | "GMS", Kind::Crisis | Kind::Mediation) => 130,
        ("FOES", Kind::Crisis) => 150,
        ("FOES", Kind::GuardianSupport) => 120,
        ("BBS", Kind::GuardianSupport) => 40,
        ("BBS", Kind::Networking) => 150,
        ("GYM", Kind::Participation) => 130,
        ("GYM", Kind::Mediation) => 70,
        _ => 100,
    };
    let by_day = match (weekday, kind) {
        (0, Kind::Crisis | Kind::Mediation) => 135,
        (1 | 2, Kind::Prevention | Kind::Participation) => 120,
        (3, Kind::Committee) => 170,
        (4, Kind::Documentation) => 180,
        (4, Kind::Prevention | Kind::Committee) => 60,
        _ => 100,
    };
    let by_season = match (school_day, kind) {
        (true, _) => 100,
        (false, Kind::Preparation | Kind::Documentation) => 200,
        (false, Kind::TrainingAttended) => 800,
        (false, Kind::Networking | Kind::Committee | Kind::SocialSpace) => 80,
        (false, Kind::GuardianSupport) => 20,
        (false, _) => 0,
    };
    by_form * by_day * by_season / 10_000
}

/// A kind of work on a day, and its minutes.
pub(super) fn kind(chance: &mut Chance, form: &str, weekday: usize, school_day: bool) -> (Kind, u32) {
    let weighted = KINDS
        .map(|(kind, weight, least, most)| ((kind, least, most), weight * percent(kind, form, weekday, school_day)));
    let (kind, least, most) = chance.weighted(&weighted);
    // In steps of five minutes, short ones more often.
    let (one, other) = (chance.between(least, most), chance.between(least, most));
    (kind, (one.min(other) / 5 * 5).max(5) as u32)
}

/// The work of a kind at a school of a form with so many pupils in a class.
pub(super) fn work(chance: &mut Chance, kind: Kind, form: &str) -> Result<Work, SimulationError> {
    Ok(match kind {
        Kind::Crisis => Work::Crisis {
            topic: topic(chance, form),
            urgency: chance.weighted(&[(Urgency::Immediate, 4), (Urgency::SameDay, 4), (Urgency::WithinDays, 2)]),
            involved: chance.some::<Involved>(1, 3),
            result: chance.weighted(&[
                (CrisisResult::Stabilised, 55),
                (CrisisResult::SupportContinues, 25),
                (CrisisResult::Referred, 14),
                (CrisisResult::Unresolved, 6),
            ]),
        },
        Kind::Mediation => Work::Mediation {
            parties: Parties::try_from(i64::from(chance.weighted(&[(2, 80), (3, 15), (4, 5)]))).map_err(value)?,
            result: chance.weighted(&[
                (MediationResult::Agreed, 60),
                (MediationResult::PartlyAgreed, 25),
                (MediationResult::NotAgreed, 10),
                (MediationResult::BrokenOff, 5),
            ]),
        },
        Kind::Prevention => Work::Prevention {
            topic: topic(chance, form),
            levels: levels(chance, form),
            sessions: sessions(chance, 3)?,
            headcount: pupils(chance, form, 10, 27)?,
        },
        Kind::LearningClimate => {
            Work::LearningClimate { reach: chance.any::<Reach>(), method: chance.any::<ClimateMethod>() }
        }
        Kind::SocialLearning => Work::SocialLearning {
            group: chance.any::<GroupKind>(),
            sessions: sessions(chance, 2)?,
            headcount: pupils(chance, form, 4, 22)?,
        },
        Kind::Participation => Work::Participation {
            form: chance.any::<ParticipationForm>(),
            headcount: pupils(chance, form, 5, 28)?,
            result: chance.any::<ParticipationResult>(),
        },
        Kind::SocialSpace => Work::SocialSpace {
            partners: chance.some::<Partner>(1, 3),
            activity: chance.any::<SpaceActivity>(),
            headcount: pupils(chance, form, 0, 25)?,
        },
        Kind::StaffAdvice => Work::StaffAdvice {
            form: chance.weighted(&[
                (AdviceForm::Talk, 70),
                (AdviceForm::CaseConference, 12),
                (AdviceForm::Team, 12),
                (AdviceForm::LessonAccompaniment, 6),
            ]),
            advised: chance.weighted(&[
                (AdvisedRole::Teachers, 72),
                (AdvisedRole::SchoolLeaders, 12),
                (AdvisedRole::Assistants, 10),
                (AdvisedRole::Mixed, 6),
            ]),
            topic: topic(chance, form),
            persons: people(chance, 1, 4)?,
        },
        Kind::GuardianSupport => Work::GuardianSupport {
            form: chance.weighted(&[
                (GuardianForm::Talk, 45),
                (GuardianForm::Remote, 38),
                (GuardianForm::HomeVisit, 7),
                (GuardianForm::ParentsEvening, 5),
                (GuardianForm::Accompaniment, 5),
            ]),
            topic: topic(chance, form),
            persons: people(chance, 1, 2)?,
        },
        Kind::Committee => Work::Committee {
            body: chance.any::<Body>(),
            role: chance.weighted(&[(BodyRole::Member, 6), (BodyRole::Guest, 3), (BodyRole::Chair, 1)]),
            decisions: people(chance, 0, 3)?,
        },
        Kind::Networking => Work::Networking { partners: chance.some::<Partner>(1, 3) },
        Kind::Preparation => Work::Preparation {},
        Kind::Documentation => Work::Documentation {},
        Kind::Travel => Work::Travel {},
        Kind::TrainingAttended => Work::TrainingAttended {},
    })
}

fn topic(chance: &mut Chance, form: &str) -> Topic {
    // At vocational schools other things are at stake than at primary schools.
    let (transition, living, absenteeism) = match form {
        "GS" => (3, 2, 5),
        "BBS" => (20, 14, 20),
        _ => (9, 4, 13),
    };
    chance.weighted(&[
        (Topic::Conflict, 18),
        (Topic::Behaviour, 16),
        (Topic::Absenteeism, absenteeism),
        (Topic::Family, 10),
        (Topic::Bullying, 9),
        (Topic::Learning, 9),
        (Topic::Transition, transition),
        (Topic::Violence, 6),
        (Topic::Health, 7),
        (Topic::Media, 5),
        (Topic::LivingConditions, living),
        (Topic::Addiction, 3),
        (Topic::Migration, 3),
        (Topic::Inclusion, 3),
        (Topic::Discrimination, 2),
        (Topic::Sexuality, 2),
        (Topic::Grief, 2),
        (Topic::Other, 3),
    ])
}

fn levels(chance: &mut Chance, form: &str) -> ClassLevels {
    use ClassLevels::{From1To2, From3To4, From5To6, From7To8, From9To10, From11To13, Mixed, Vocational};
    let possible: &[(ClassLevels, u32)] = match form {
        "GS" => &[(From1To2, 4), (From3To4, 6), (Mixed, 1)],
        "FOES" => &[(From1To2, 1), (From3To4, 2), (From5To6, 3), (From7To8, 3), (From9To10, 2), (Mixed, 2)],
        "BBS" | "ZBW" => &[(Vocational, 1)],
        "GYM" | "IGS" | "KGS" | "WAL" => &[(From5To6, 4), (From7To8, 4), (From9To10, 3), (From11To13, 1), (Mixed, 1)],
        _ => &[(From5To6, 4), (From7To8, 5), (From9To10, 3), (Mixed, 1)],
    };
    chance.weighted(possible)
}

fn sessions(chance: &mut Chance, most: i32) -> Result<Sessions, SimulationError> {
    Sessions::try_from(i64::from(chance.between(1, most))).map_err(value)
}

fn people(chance: &mut Chance, least: i32, most: i32) -> Result<People, SimulationError> {
    People::try_from(i64::from(chance.between(least, most))).map_err(value)
}

/// Pupils of a group; special needs classes are half as large.
fn pupils(chance: &mut Chance, form: &str, least: i32, most: i32) -> Result<Headcount, SimulationError> {
    let most = if form == "FOES" { most / 2 } else { most };
    let count = chance.between(least.min(most), most) as u32;
    headcount(chance, count)
}

/// So many people by gender.
pub(super) fn headcount(chance: &mut Chance, total: u32) -> Result<Headcount, SimulationError> {
    let non_binary = if total > 0 && chance.permille(20 + total.min(500)) { 1 + total / 400 } else { 0 };
    let rest = total - non_binary;
    let women = rest * chance.between(38, 62) as u32 / 100;
    let people = |count| People::try_from(i64::from(count)).map_err(value);
    Ok(Headcount { women: people(women)?, men: people(rest - women)?, non_binary: people(non_binary)? })
}

/// The same work with other figures, as a correction states it; nothing if the kind has no figures.
pub(super) fn corrected(chance: &mut Chance, work: Work, form: &str) -> Result<Work, SimulationError> {
    Ok(match work {
        Work::Prevention { topic, levels, sessions, .. } => {
            Work::Prevention { topic, levels, sessions, headcount: pupils(chance, form, 10, 27)? }
        }
        Work::SocialLearning { group, sessions, .. } => {
            Work::SocialLearning { group, sessions, headcount: pupils(chance, form, 4, 22)? }
        }
        Work::Participation { form: how, result, .. } => {
            Work::Participation { form: how, headcount: pupils(chance, form, 5, 28)?, result }
        }
        Work::SocialSpace { partners, activity, .. } => {
            Work::SocialSpace { partners, activity, headcount: pupils(chance, form, 0, 25)? }
        }
        other => other,
    })
}
