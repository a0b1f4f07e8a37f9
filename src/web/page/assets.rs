//! The files of the page for browsers, which stand in this binary as they stand in the source.
//!
//! Nothing comes from another host and nothing is built: what a browser gets is what one reads in `src/web/page/`. A
//! browser asks again each time with the tag of what it holds, so that a newer binary is never shown with older files.
//! A strict content security policy goes with each file: no script or style in the markup, no other host, no frame.

use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY};
use actix_web::http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use super::super::{answer, nothing_here};
use crate::wire::Problem;

/// What a browser may load, and from where: only this node.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One file: its name below `/page/`, its media type, its content.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
    tag: String,
}

macro_rules! assets {
    ($($name:literal as $media_type:ident),* $(,)?) => {
        vec![$(Asset::new($name, $media_type, include_str!($name))),*]
    };
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    assets![
        "index.html" as HTML,
        "icon.svg" as SVG,
        "base.css" as CSS,
        "frame.css" as CSS,
        "figures.css" as CSS,
        "graph.css" as CSS,
        "tables.css" as CSS,
        "messages.css" as CSS,
        "theme.js" as SCRIPT,
        "app.js" as SCRIPT,
        "format.js" as SCRIPT,
        "server.js" as SCRIPT,
        "stream.js" as SCRIPT,
        "store.js" as SCRIPT,
        "announce.js" as SCRIPT,
        "reveal.js" as SCRIPT,
        "rows.js" as SCRIPT,
        "books.js" as SCRIPT,
        "messages.js" as SCRIPT,
        "chosen.js" as SCRIPT,
        "spread.js" as SCRIPT,
        "figures.js" as SCRIPT,
        "chart.js" as SCRIPT,
        "quadtree.js" as SCRIPT,
        "layout.js" as SCRIPT,
        "start.js" as SCRIPT,
        "graph.js" as SCRIPT,
        "camera.js" as SCRIPT,
        "pointer.js" as SCRIPT,
        "draw.js" as SCRIPT,
        "shapes.js" as SCRIPT,
        "labels.js" as SCRIPT,
        "travel.js" as SCRIPT,
        "nodes.js" as SCRIPT,
        "card.js" as SCRIPT,
        "legend.js" as SCRIPT,
    ]
});

impl Asset {
    fn new(name: &'static str, media_type: &'static str, content: &'static str) -> Asset {
        let mut hasher = DefaultHasher::new();
        hasher.write(content.as_bytes());
        Asset { name, media_type, content, tag: format!("\"{:016x}\"", hasher.finish()) }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = request.headers().get_all(IF_NONE_MATCH).any(|held| holds(held, &self.tag));
        let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((ETAG, self.tag.as_str()))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header((VARY, "Accept"))
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((REFERRER_POLICY, "no-referrer"));
        if known { response.finish() } else { response.content_type(self.media_type).body(self.content) }
    }
}

/// Whether a list of tags holds this one (RFC 9110 section 13.1.2: compared weakly).
fn holds(held: &HeaderValue, tag: &str) -> bool {
    let Ok(held) = held.to_str() else { return false };
    held.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// The page itself.
pub(super) fn index(request: &HttpRequest) -> HttpResponse {
    match ASSETS.iter().find(|asset| asset.name == "index.html") {
        Some(index) => index.answer(request),
        None => answer::problem(request, &Problem::new(404, "this binary has no page")),
    }
}

/// One file of it.
pub(in crate::web) async fn file(request: HttpRequest, name: Path<String>) -> HttpResponse {
    match ASSETS.iter().find(|asset| asset.name == name.as_str()) {
        Some(asset) => asset.answer(&request),
        None => nothing_here(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(name: &str) -> &'static Asset {
        ASSETS.iter().find(|asset| asset.name == name).unwrap_or_else(|| panic!("{name} is missing"))
    }

    #[test]
    fn every_file_that_is_named_in_the_page_or_a_script_is_there() {
        let mut named = 0;
        for part in asset("index.html").content.split("\"page/").skip(1) {
            asset(part.split('"').next().unwrap());
            named += 1;
        }
        for from in ASSETS.iter().filter(|asset| asset.media_type == SCRIPT) {
            for part in from.content.split(" from './").skip(1) {
                asset(part.split('\'').next().unwrap());
                named += 1;
            }
        }
        assert!(named > 30);
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_nothing_stands_in_the_markup() {
        for asset in ASSETS.iter() {
            for line in asset.content.lines().filter(|line| !line.contains("http://www.w3.org/")) {
                let elsewhere = ["http://", "https://", "@import", "import("].iter().find(|word| line.contains(**word));
                assert!(elsewhere.is_none(), "{}: {line}", asset.name);
            }
        }
        let markup = asset("index.html").content;
        assert!(!markup.contains(" style=") && !markup.contains("<style") && !markup.contains(" onclick"));
        assert!(markup.split("<script").skip(1).all(|script| script.contains(" src=\"page/")));
    }

    #[test]
    fn tags_are_compared_as_a_list() {
        let held = |text: &'static str| holds(&HeaderValue::from_static(text), "\"a\"");
        assert!(held("\"a\"") && held("\"b\", W/\"a\"") && held("*"));
        assert!(!held("\"b\"") && !held("a") && !held(""));
    }
}
