//! Further trainings of a school year, from the need to the evaluation or the cancellation.

use sfs_domain::measure::{People, Score, TrainingMinutes};
use sfs_domain::training::{Audience, Command, Format, Registration};
use sfs_domain::training_need::{self, NeedSource, TrainingTopic};
use sfs_domain::{Ags, BusinessDate, ClientKey, Reason};

use super::cast::seat;
use super::work::headcount;
use super::world::World;
use super::{SimulationError, value};

/// What becomes of a training.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    /// It is moved to another day and then held.
    Moved,
    /// It is held.
    Held,
    /// It is cancelled.
    Cancelled,
}

fn people(count: u32) -> Result<People, SimulationError> {
    People::try_from(i64::from(count)).map_err(value)
}

impl World<'_> {
    /// Plans the trainings of a school year: some of the coordination office, some of network offices.
    pub fn plan_trainings(&mut self, year: u32) -> Result<(), SimulationError> {
        let first = self.first_day(year);
        let whole = (seat::COORDINATION_OFFICE, Ags::state());
        let mut offered: Vec<(usize, Ags)> = vec![whole; (3 + self.sites.len() / 40).min(14)];
        for (district, office) in self.cast.network_offices.clone() {
            if self.chance.permille(600) {
                offered.push((office, district));
            }
        }
        for (number, (by, district)) in offered.into_iter().enumerate() {
            let course = match number {
                0 => Course::Moved,
                1 => Course::Cancelled,
                _ => self.chance.weighted(&[(Course::Moved, 15), (Course::Held, 73), (Course::Cancelled, 12)]),
            };
            self.training(by, district, first, course)?;
        }
        self.withdraw_need(first);
        Ok(())
    }

    fn need(&mut self, by: usize, district: &Ags, topic: TrainingTopic, on: BusinessDate) -> ClientKey {
        let need = self.ids.key();
        let source =
            self.chance.weighted(&[(NeedSource::Office, 5), (NeedSource::Survey, 3), (NeedSource::Steering, 1)]);
        let command = training_need::Command::IdentifyTrainingNeed { need, source, topic, district: district.clone() };
        let draft = self.draft(by, "identify-training-need", on, command);
        self.send(draft);
        need
    }

    /// A need that had been named before.
    fn withdraw_need(&mut self, first: BusinessDate) {
        let by = seat::COORDINATION_OFFICE;
        let topic = self.chance.any::<TrainingTopic>();
        let on = self.day_between(first, 40, 60);
        let need = self.need(by, &Ags::state(), topic, on);
        let command = training_need::Command::WithdrawTrainingNeed { need };
        let on = self.day(on, 21);
        let draft = self.draft(by, "withdraw-training-need", on, command.clone()).at_current_version();
        self.send(draft.because(Reason::Duplicate));
        // Without a reason: no, whatever else is true.
        let on = self.day(on, 14);
        let draft = self.draft(by, "withdraw-training-need", on, command).at_current_version().refused("NEE-04");
        self.send(draft);
    }

    fn training(
        &mut self,
        by: usize,
        district: Ags,
        first: BusinessDate,
        course: Course,
    ) -> Result<(), SimulationError> {
        let topic = self.chance.any::<TrainingTopic>();
        let on = self.day_between(first, 20, 190);
        let mut needs = vec![self.need(by, &district, topic, on)];
        if self.chance.permille(300) {
            let on = self.day_between(on, 1, 10);
            needs.push(self.need(by, &district, topic, on));
        }
        let offered_on = self.day_between(on, 21, 35);
        let mut begins_on = self.day_between(offered_on, 42, 70);
        let training = self.ids.key();
        let seats = self.chance.between(12, 60) as u32;
        let offer = Command::OfferTraining {
            training,
            needs,
            topic,
            district,
            seats: people(seats)?,
            minutes: TrainingMinutes::try_from(i64::from(self.chance.between(2, 24)) * 60).map_err(value)?,
            begins_on,
            format: self.chance.weighted(&[(Format::InPerson, 6), (Format::Online, 3), (Format::Hybrid, 1)]),
        };
        let draft = self.draft(by, "offer-training", offered_on, offer);
        self.send(draft);

        let registered = self.register(by, training, seats, offered_on, course)?;
        match course {
            Course::Cancelled => {
                let on = self.day(begins_on, -8);
                let reason = self.chance.weighted(&[(Reason::TooFewRegistrations, 6), (Reason::Illness, 4)]);
                let command = Command::CancelTraining { training };
                let draft = self.draft(by, "cancel-training", on, command.clone()).at_current_version();
                self.send(draft.because(reason));
                // Without a reason: no, whatever else is true.
                let on = self.day(on, 14);
                let draft = self.draft(by, "cancel-training", on, command).at_current_version().refused("TRA-17");
                self.send(draft);
                return Ok(());
            }
            Course::Moved => {
                let on = self.day(begins_on, -8);
                begins_on = self.day_between(begins_on, 7, 21);
                let command = Command::RescheduleTraining { training, begins_on };
                let draft = self.draft(by, "reschedule-training", on, command).at_current_version();
                self.send(draft);
            }
            Course::Held => {}
        }
        self.hold(by, training, registered, begins_on)
    }

    /// States registrations as they grow; answers with the last count.
    fn register(
        &mut self,
        by: usize,
        training: ClientKey,
        seats: u32,
        offered_on: BusinessDate,
        course: Course,
    ) -> Result<u32, SimulationError> {
        let audience = [
            (Audience::SchoolSocialWorkers, 60),
            (Audience::Teachers, 15),
            (Audience::NetworkOffices, 8),
            (Audience::ProviderManagers, 6),
            (Audience::YouthOffices, 6),
            (Audience::SchoolLeaders, 5),
        ];
        let second = self.chance.weighted(&audience[1..]);
        let full =
            if course == Course::Cancelled { seats / 4 } else { seats * self.chance.between(55, 100) as u32 / 100 };
        let full = full.max(2);
        let command = |first: u32, other: u32| -> Result<Command, SimulationError> {
            Ok(Command::RecordTrainingRegistrations {
                training,
                registrations: vec![
                    Registration { audience: Audience::SchoolSocialWorkers, people: people(first)? },
                    Registration { audience: second, people: people(other)? },
                ],
            })
        };
        if course == Course::Moved {
            let on = self.day(offered_on, 7);
            let draft = self.draft(by, "record-training-registrations", on, command(seats, 1)?).refused("TRA-12");
            self.send(draft);
        }
        for (days, share) in [(14, 50), (28, 100)] {
            let count = (full * share / 100).max(1);
            let on = self.day(offered_on, days);
            let draft = self.draft(by, "record-training-registrations", on, command(count - count / 5, count / 5)?);
            self.send(draft);
        }
        Ok(full)
    }

    fn hold(
        &mut self,
        by: usize,
        training: ClientKey,
        registered: u32,
        begins_on: BusinessDate,
    ) -> Result<(), SimulationError> {
        let draft = self.draft(by, "hold-training", begins_on, Command::HoldTraining { training });
        self.send(draft);
        let attended = (registered * self.chance.between(75, 100) as u32 / 100).max(1);
        let command = Command::ConfirmTrainingAttendance {
            training,
            attendance: headcount(&mut self.chance, attended)?,
            minutes: None,
        };
        let on = self.day_between(begins_on, 7, 10);
        let draft = self.draft(by, "confirm-training-attendance", on, command);
        self.send(draft);
        let command = Command::EvaluateTraining {
            training,
            responses: people((attended * self.chance.between(50, 100) as u32 / 100).max(1))?,
            score: Score::try_from(i64::from(self.chance.between(330, 490))).map_err(value)?,
        };
        let on = self.day_between(begins_on, 16, 24);
        let draft = self.draft(by, "evaluate-training", on, command);
        self.send(draft);
        Ok(())
    }
}
