//! What a reader wants to see, within what it may see.

use std::sync::Arc;

use sfs_domain::{Ags, Category, OrganisationId, SchoolId, catalogue};
use sfs_eventlog::{Filter, StoredEvent, tags};
use sfs_ledger::OpenBody;

use crate::cloud_event::{CloudEvent, Source};
use crate::error::FeedError;
use crate::visibility::{At, Visibility};

/// What a reader asks for. Everything, unless told otherwise; several conditions hold together.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// One of these stored types.
    pub types: Vec<String>,
    /// One of these categories.
    pub categories: Vec<Category>,
    /// In this district; `15` is what concerns the whole state.
    pub district: Option<Ags>,
    /// For which this provider was responsible.
    pub provider: Option<OrganisationId>,
    /// At this school.
    pub school: Option<SchoolId>,
    /// Done by this pseudonym.
    pub actor: Option<uuid::Uuid>,
    /// Of this stream.
    pub stream: Option<String>,
}

/// What is asked for and may be seen.
#[derive(Debug, Clone)]
pub struct Selection {
    visibility: Visibility,
    filter: Filter,
    actor: Option<Arc<str>>,
    stream: Option<Arc<str>>,
    wanted: Wanted,
}

impl Selection {
    /// Joins the two.
    pub fn new(visibility: Visibility, wanted: Wanted) -> Self {
        let mut all_of = visibility.tags();
        let mut ask = |any_of: Vec<Arc<str>>| {
            if !any_of.is_empty() {
                all_of.push(any_of);
            }
        };
        ask(wanted.types.iter().map(tags::event_type).collect());
        ask(wanted.categories.iter().map(|category| tags::category(category.name())).collect());
        ask(wanted.district.iter().map(tags::district).collect());
        ask(wanted.provider.iter().map(tags::provider).collect());
        ask(wanted.school.iter().map(tags::school).collect());
        ask(wanted.actor.iter().map(tags::actor).collect());
        Self {
            visibility,
            filter: Filter { all_of, leaves: true },
            actor: wanted.actor.map(|actor| actor.to_string().into()),
            stream: wanted.stream.as_deref().map(Into::into),
            wanted,
        }
    }

    /// The filter for the log.
    pub(crate) const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The one stream that is asked for.
    pub(crate) const fn stream(&self) -> Option<&Arc<str>> {
        self.stream.as_ref()
    }

    /// The event as it is shown, if it is asked for and may be seen.
    pub(crate) fn show<'a>(
        &self,
        source: &Source,
        stored: &'a StoredEvent,
    ) -> Result<Option<CloudEvent<'a>>, FeedError> {
        let position = stored.position;
        let unknown = || FeedError::UnknownType { position, event_type: stored.event_type.to_string() };
        let name = stored.event_type.split('.').next().unwrap_or_default();
        let category = Category::from_name(name).ok_or_else(unknown)?;
        if !catalogue::event_types().contains(&*stored.event_type) {
            return Err(unknown());
        }
        let open =
            OpenBody::parse(&stored.open).map_err(|why| FeedError::Envelope { position, what: why.to_string() })?;
        let at = At { ags: &open.ags, provider: open.provider.as_deref(), school: open.school.as_deref() };
        if !self.visibility.sees(category, at) || !self.asks_for(stored, category, at) {
            return Ok(None);
        }
        let event = CloudEvent::of(source, stored, open)?;
        let by_actor = self.actor.as_deref().is_none_or(|actor| actor == event.actor);
        Ok(by_actor.then_some(event))
    }

    /// The log has looked at the tags; one stream is read without them.
    fn asks_for(&self, stored: &StoredEvent, category: Category, at: At<'_>) -> bool {
        let wanted = &self.wanted;
        (wanted.types.is_empty() || wanted.types.iter().any(|name| **name == *stored.event_type))
            && (wanted.categories.is_empty() || wanted.categories.contains(&category))
            && wanted.district.as_ref().is_none_or(|ags| ags.as_str() == at.ags)
            && wanted.provider.as_ref().is_none_or(|provider| at.provider == Some(provider.as_str()))
            && wanted.school.as_ref().is_none_or(|school| at.school == Some(school.as_str()))
            && self.stream.as_ref().is_none_or(|stream| *stream == stored.stream)
    }
}
