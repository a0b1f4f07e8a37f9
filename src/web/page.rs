//! `GET /`: the node at a glance, as text; and the live page (`assets`) for a client that takes HTML.

pub(super) mod assets;

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue, VARY};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{Context, answer, text};
use crate::protocol::Record;

/// Messages shown on the page.
const SHOWN: usize = 10;

/// What suits the client: browsers say that they take HTML, `curl` does not.
pub(super) async fn page(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    if wants_page(request.headers()) {
        return assets::index(&request);
    }
    let mut response = glance(&context).await;
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response
}

/// Whether a request is for the page itself, which shows nothing of the node before the browser has asked for more: it must be
/// there for a browser to ask its user for a token.
pub(super) fn is_bare_page(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && (path.starts_with("/page/") || path == "/" && wants_page(headers))
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).any(takes_html)
}

fn takes_html(accept: &HeaderValue) -> bool {
    let named = |part: &str| part.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("text/html"));
    accept.to_str().is_ok_and(|accept| accept.split(',').any(named))
}

/// Own state, peers, everyone's state, and the last messages with their paths.
async fn glance(context: &Context) -> HttpResponse {
    let shown = answer::text(context.node.view(|view, now| {
        let own = view.table().get(view.id()).and_then(|entry| entry.state.as_ref());
        let said =
            own.map_or_else(|| "has not spoken yet".to_owned(), |state| text::safe(state.message.payload.as_str()));
        let mut last: Vec<&Record> = view.log().iter().rev().take(SHOWN).collect();
        last.reverse();
        let messages = if last.is_empty() { "none yet\n".to_owned() } else { text::messages(view.id(), &last) };
        let (id, cluster, version) = (view.id(), view.cluster(), view.version());
        format!(
            "node {id} of cluster {cluster}, version {version}: {said}\n\n\
             PEERS ({} of at most {})\n{}\n\
             EVERYONE'S STATE\n{}\n\
             LAST MESSAGES ({} of {})\n{messages}\n\
             The same as JSON: GET /state, /messages, /peers/\n",
            view.peers().count(),
            view.max_peers(),
            text::peers(view, now),
            text::table(view, now, |_| true),
            last.len(),
            view.log().len(),
        )
    }));
    context.node.written(shown).await
}
