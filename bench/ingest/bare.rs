//! The bare handler beside which a node is measured: it reads the same JSON and answers JSON, and does nothing else.

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// What a message has, read but not looked at.
#[derive(Deserialize)]
#[expect(dead_code, reason = "reading is all that is measured")]
struct Message<'a> {
    uuid: Uuid,
    origin: u16,
    version: u64,
    ttl: u8,
    kind: &'a str,
    #[serde(borrow)]
    payload: &'a RawValue,
    path: Vec<u16>,
}

#[derive(Serialize)]
struct Reply {
    outcomes: Vec<&'static str>,
}

async fn gossip(body: Bytes) -> HttpResponse {
    let messages = if body.first() == Some(&b'[') {
        serde_json::from_slice::<Vec<Message<'_>>>(&body)
    } else {
        serde_json::from_slice::<Message<'_>>(&body).map(|message| vec![message])
    };
    match messages {
        Ok(messages) => HttpResponse::Ok().json(Reply { outcomes: vec!["new"; messages.len()] }),
        Err(error) => HttpResponse::BadRequest().body(error.to_string()),
    }
}

/// Serves on `port` with so many workers until the process is ended.
pub fn serve(port: u16, workers: usize) -> std::io::Result<()> {
    let app = || {
        let body = web::PayloadConfig::new(4 << 20);
        App::new().app_data(body).route("/gossip/", web::post().to(gossip))
    };
    actix_rt::System::new().block_on(HttpServer::new(app).workers(workers).bind(("127.0.0.1", port))?.run())
}
