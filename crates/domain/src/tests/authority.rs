//! The two tables of rights, compared cell by cell with a file that people can read in a review.

use std::fmt::Write;

use crate::authority::{Access, View, access, allowing, rule_name};
use crate::catalogue::{COMMANDS, CommandEntry, command_entry};
use crate::testing::day;
use crate::testing::fixtures::{at_school, at_school_of_provider, district, organisation_id, school_id};
use crate::{Grant, Place, Role, Scope};

const GOLDEN: &str = include_str!("../../tests/authority.golden.txt");

const VIEWS: &[View] = &[
    View::Overview,
    View::Coverage,
    View::Staffing,
    View::Activity,
    View::Trainings,
    View::Journal,
    View::Access,
    View::Cases,
    View::Persons,
    View::Operations,
];

fn grant(role: Role, scope: Scope) -> Grant {
    Grant { role, scope, until: None }
}

/// Both tables as text: what `allowing` and `access` answer, not what the tables say.
fn tables() -> String {
    let mut text =
        String::from("Written by the test of authority; see crates/domain/src/tests/authority.rs.\n\ncommands\n");
    for command in COMMANDS {
        let roles: Vec<_> = Role::ALL
            .iter()
            .chain([&Role::System])
            .filter(|role| {
                let grants = [grant(**role, Scope::State {})];
                allowing(&grants, command, day("2026-01-01")).next().is_some()
            })
            .map(|role| role.code())
            .collect();
        writeln!(text, "{:<32}{}", command.name, roles.join(" ")).unwrap();
    }
    text.push_str("\nviews\n");
    for view in VIEWS {
        let cells: Vec<_> = Role::ALL
            .iter()
            .filter_map(|role| match access(*role, *view) {
                Access::None => None,
                Access::Suppressed => Some(format!("{}(suppressed)", role.code())),
                Access::Exact => Some(role.code().to_owned()),
            })
            .collect();
        writeln!(text, "{:<32}{}", format!("{view:?}"), cells.join(" ")).unwrap();
    }
    text
}

#[test]
fn every_right_is_as_the_golden_file_says() {
    let text = tables();
    if std::env::var_os("SFS_WRITE_AUTHORITY").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/authority.golden.txt");
        std::fs::write(path, &text).unwrap();
        return;
    }
    assert_eq!(text, GOLDEN, "review the difference, then write the file with SFS_WRITE_AUTHORITY=1");
}

#[test]
fn nobody_but_the_administrator_touches_principals_and_the_administrator_nothing_else() {
    for command in COMMANDS {
        let about_principals = command.category == crate::Category::Principal;
        assert_eq!(command.roles.contains(&Role::Administrator), about_principals, "{}", command.name);
        assert!(!about_principals || command.roles.len() == 1, "{}", command.name);
    }
}

#[test]
fn who_only_reads_may_send_no_command() {
    for role in [Role::Auditor, Role::Public, Role::ManagingAuthority] {
        assert!(COMMANDS.iter().all(|command| !command.roles.contains(&role)), "{role:?}");
    }
}

#[test]
fn the_data_protection_officer_acts_on_persons_alone() {
    let officer = |command: &&CommandEntry| command.roles.contains(&Role::DataProtectionOfficer);
    assert!(COMMANDS.iter().filter(officer).all(|command| command.category == crate::Category::Person));
}

#[test]
fn what_the_program_does_itself_nobody_else_may() {
    for command in COMMANDS {
        assert_eq!(command.roles.contains(&Role::System), command.is_internal(), "{}", command.name);
    }
    assert!(Role::ALL.iter().all(|role| *role != Role::System));
    assert!(VIEWS.iter().all(|view| access(Role::System, *view) == Access::None));
}

#[test]
fn who_coordinates_or_pays_opens_no_record_of_those_who_are_counted() {
    for command in COMMANDS.iter().filter(|command| !command.opens.is_empty()) {
        let kinds = match command.name {
            // Their lines reach people of one kind alone; the aggregate checks it.
            "open-owner-record" | "open-trainee-record" => continue,
            _ => [Role::CoordinationOffice, Role::Ministry, Role::GrantingAuthority, Role::ManagingAuthority],
        };
        assert!(kinds.iter().all(|role| !command.roles.contains(role)), "{}", command.name);
        assert!(!command.roles.contains(&Role::Auditor), "{}", command.name);
    }
}

#[test]
fn a_grant_that_has_ended_allows_nothing() {
    let command = command_entry("register-school").unwrap();
    let until = Some(day("2026-01-01"));
    let grants = [Grant { role: Role::CoordinationOffice, scope: Scope::State {}, until }];
    assert!(allowing(&grants, command, day("2025-12-31")).next().is_some());
    assert!(allowing(&grants, command, day("2026-01-01")).next().is_none());
}

#[test]
fn the_rule_is_named_by_command_role_and_kind_of_scope() {
    let command = command_entry("record-intervention").unwrap();
    let grant = grant(Role::SchoolSocialWorker, Scope::School(school_id("S1")));
    assert_eq!(rule_name(command, &grant), "record-intervention/SSW@school");
}

#[test]
fn a_scope_contains_what_belongs_to_it_and_nothing_else() {
    let here = at_school_of_provider();
    let scopes = [
        (Scope::State {}, [true, true, true]),
        (Scope::District(district("15083")), [true, true, false]),
        (Scope::District(district("15003")), [false, false, false]),
        (Scope::Provider(organisation_id("P1")), [true, false, false]),
        (Scope::Provider(organisation_id("P2")), [false, false, false]),
        (Scope::School(school_id("S1")), [true, true, false]),
        (Scope::School(school_id("S2")), [false, false, false]),
    ];
    for (scope, expected) in scopes {
        let found = [&here, &at_school(), &Place::state()].map(|place| scope.contains(place));
        assert_eq!(found, expected, "{scope:?}");
    }
}
