//! `GET /state?wait=30s&index=…`: an answer when something has changed, or when that time is over.
//!
//! An index names what was shown. Where a filter chooses nodes it names, beside all that is known, what the filter shows of it:
//! whoever waits with it is woken by what he looks at, and by nothing else, and whatever changed between two questions is
//! told at once.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::ETAG;
use tokio::time::Instant;

use super::everyone::write_states;
use super::filter::Filter;
use super::query::shown;
use super::{Context, etag};
use crate::wire::Problem;

/// The longest wait for a change: what waits holds a connection.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// The least time between two looks at what a filter shows: where much changes, each look is for all that changed since.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// For all who wait with a filter, looking takes at most one part in so many of the time: whatever they look at, and however
/// many they are, the node goes on with its own work.
const PARTS: u32 = 10;

/// Whose turn it is to look.
#[derive(Debug, Default)]
pub(super) struct Looks(Cell<Option<Instant>>);

impl Looks {
    /// Waits until somebody may look again, or until `end`.
    async fn turn(&self, end: Instant) {
        while let Some(next) = self.0.get().filter(|next| *next > Instant::now() && end > Instant::now()) {
            tokio::time::sleep_until(next.min(end)).await;
        }
    }

    /// A look that began then is over.
    fn ended(&self, began: Instant) {
        self.0.set(Some(Instant::now() + began.elapsed() * (PARTS - 1)));
    }
}

/// What somebody waits for.
pub(super) struct Wait {
    limit: Duration,
    /// What the waiter knows; empty for whatever is known now.
    index: String,
}

impl Wait {
    /// Reads `wait` and `index`; `None` if there is nothing to wait for.
    pub(super) fn parse(parameters: &BTreeMap<String, String>) -> Result<Option<Wait>, Problem> {
        match (parameters.get("wait"), parameters.get("index")) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Problem::field("index", "says since when to wait: say for how long with wait")),
            (Some(wait), index) => {
                Ok(Some(Wait { limit: parse_limit(wait)?, index: index.cloned().unwrap_or_default() }))
            }
        }
    }

    /// Waits until what the filter shows is another than what the index names.
    pub(super) async fn changed(&self, context: &Context, filter: &Filter) {
        let live = context.node.live();
        let (known, seen) = match self.index.split_once('.') {
            Some((known, seen)) => (known, Some(seen)),
            None => (self.index.as_str(), None),
        };
        if filter.takes_all() {
            let known = if known.is_empty() { live.index() } else { known.to_owned() };
            return live.changed(&known, self.limit).await;
        }
        let seen = match seen {
            Some(seen) => seen.to_owned(),
            None if known.is_empty() || known == live.index() => view_of(context, filter),
            // It names a past of which nobody knows what the filter showed.
            None => return,
        };
        let end = Instant::now() + self.limit;
        loop {
            context.looks.turn(end).await;
            let index = live.index();
            let looked_at = Instant::now();
            let now = view_of(context, filter);
            context.looks.ended(looked_at);
            if now != seen || looked_at >= end || live.has_ended() {
                return;
            }
            live.changed(&index, end - looked_at).await;
            tokio::time::sleep_until(end.min(looked_at + LOOK_AGAIN)).await;
        }
    }
}

/// Names what the filter shows now. An answer that shows it has its name already, as its tag.
pub(super) fn index(context: &Context, filter: &Filter, answer: &HttpResponse) -> String {
    let all = context.node.live().index();
    if filter.takes_all() {
        return all;
    }
    let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    format!("{all}.{}", tag.map_or_else(|| view_of(context, filter), |tag| bare(tag).to_owned()))
}

fn bare(tag: &str) -> &str {
    tag.trim_matches('"')
}

fn view_of(context: &Context, filter: &Filter) -> String {
    let clock = context.node.clock();
    let text = context.node.view(|view, now| write_states(view, now, clock, |entry| filter.takes(entry)));
    bare(&etag::tag_of_text(&text)).to_owned()
}

fn parse_limit(text: &str) -> Result<Duration, Problem> {
    let wait = humantime::parse_duration(text)
        .map_err(|_| Problem::field("wait", format!("{:?} is no time such as 30s or 500ms", shown(text))))?;
    if wait > MAX_WAIT {
        let detail = format!("{} is more than {} s", shown(text), MAX_WAIT.as_secs());
        return Err(Problem::field("wait", detail).with_limit(MAX_WAIT.as_secs()));
    }
    Ok(wait)
}
