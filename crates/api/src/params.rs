//! Query parameters: each is taken by name with what it must be, and what is left is unknown.

use std::borrow::Cow;
use std::fmt::Display;

use axum::http::Uri;
use sfs_domain::BusinessDate;

use crate::language::Text;
use crate::problem::Problem;

/// The parameters of a request that were not yet taken.
pub struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    /// The parameters of that address.
    pub fn of(uri: &'a Uri) -> Self {
        Self(uri.query().map(|query| form_urlencoded::parse(query.as_bytes()).collect()).unwrap_or_default())
    }

    /// The parameter's text, if it is there; a problem if it is there twice.
    pub fn text(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, Problem> {
        let mut found = self.all(name);
        match (found.pop(), found.is_empty()) {
            (value, true) => Ok(value),
            _ => Err(Problem::parameter(
                name,
                Text::new("Die Angabe steht mehr als einmal da.", "It stands there more than once."),
            )),
        }
    }

    /// Every value of a parameter that may be repeated.
    pub fn all(&mut self, name: &str) -> Vec<Cow<'a, str>> {
        let (found, left) = std::mem::take(&mut self.0).into_iter().partition(|(key, _)| key == name);
        self.0 = left;
        found.into_iter().map(|(_, value): (_, Cow<'a, str>)| value).collect()
    }

    /// The parameter read by `parse`, whose error says what was expected.
    pub fn parsed<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        self.text(name)?.map(|text| parse(&text).map_err(|why| unexpected(name, &why))).transpose()
    }

    /// Every value of a list: repeated, or with commas between them.
    pub fn list<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Problem> {
        let values = self.all(name);
        let items = values.iter().flat_map(|value| value.split(','));
        items.map(|item| parse(item.trim()).map_err(|why| unexpected(name, &why))).collect()
    }

    /// A day.
    pub fn date(&mut self, name: &'static str) -> Result<Option<BusinessDate>, Problem> {
        self.parsed(name, BusinessDate::parse)
    }

    /// A whole number within the range.
    pub fn number(&mut self, name: &'static str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let expected = format!("expected is a whole number from {} to {}", range.start(), range.end());
        self.parsed(name, |text| match text.parse() {
            Ok(number) if range.contains(&number) && !text.starts_with('+') => Ok(number),
            _ => Err(expected),
        })
    }

    /// `true` or `false`; false if it is not there.
    pub fn flag(&mut self, name: &'static str) -> Result<bool, Problem> {
        let parsed = self.parsed(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("expected is true or false"),
        })?;
        Ok(parsed.unwrap_or(false))
    }

    /// A problem if something is left that nobody knows.
    pub fn finish(self) -> Result<(), Problem> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::parameter(
                name.into_owned(),
                Text::new("Diese Angabe gibt es hier nicht.", "There is no such parameter here."),
            )),
        }
    }
}

fn unexpected(name: &'static str, why: &dyn Display) -> Problem {
    Problem::parameter(name, crate::messages::of_expectation(&why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(query: &str, take: impl FnOnce(&mut Params<'_>) -> Result<(), Problem>) -> bool {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        let mut params = Params::of(&uri);
        take(&mut params).and_then(|()| params.finish()).is_err()
    }

    #[test]
    fn what_is_taken_is_checked_and_what_is_left_is_unknown() {
        let date = |params: &mut Params<'_>| params.date("on").map(|_| ());
        assert!(!wrong("on=2026-11-24", date));
        assert!(!wrong("", date));
        for query in ["on=24.11.2026", "on=2026-11-24&on=2026-11-25", "on=2026-11-24&off=1", "on="] {
            assert!(wrong(query, date), "{query}");
        }
        let number = |params: &mut Params<'_>| params.number("limit", 1..=1_000).map(|_| ());
        assert!(!wrong("limit=1000", number));
        for query in ["limit=0", "limit=1001", "limit=-1", "limit=%2B1", "limit=1.5", "limit=x"] {
            assert!(wrong(query, number), "{query}");
        }
    }

    #[test]
    fn a_list_is_repeated_or_has_commas() {
        let uri: Uri = "/x?types=a,b&types=c".parse().unwrap();
        let list = Params::of(&uri).list("types", |item| Ok::<_, &str>(item.to_owned())).unwrap();
        assert_eq!(list, ["a", "b", "c"]);
    }
}
