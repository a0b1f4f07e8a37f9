//! Plain HTTP/1.1: connections of hyper's, in the node's own thread, with the routes behind them.
//!
//! Nodes keep connections to each other open for all their life and use them a few times a second. So a connection here
//! costs a task, no clock that ticks, and one timer that is set when it opens and hardly ever again (`life.rs`); what nodes
//! say all the time is answered past the router ([`DirectCall`]), and everything else crosses into it (`bridge.rs`). Over
//! TLS the routes have actix's own server, which also speaks HTTP/2.

mod bridge;
mod life;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_service::Service;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderName, USER_AGENT};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::bridge::{Outgoing, Pieces};
use self::life::{Answering, Life, Lives, Times, Watched};
use super::bounds::ConnectionBounds;
use super::run::give_up_on_who_does_not_read;
use crate::web::{self, Caller, DirectCall};

/// Most bytes of a head; a browser's have some 1,000.
const MAX_HEAD: usize = 64 * 1024;

/// Pause after the system could open no further connection, and until a place is looked for again.
const PAUSE: Duration = Duration::from_millis(100);

/// What serves connections.
pub struct Plain<S> {
    context: web::Context,
    routes: S,
    times: Times,
    answering: Answering,
    lives: Lives,
}

impl<S, B> Plain<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    /// Serves these routes of a node.
    pub fn new(context: web::Context, routes: S, bounds: &ConnectionBounds, keep_alive: Duration) -> Rc<Plain<S>> {
        let times = Times { head: bounds.header_time, keep_alive };
        Rc::new(Plain { context, routes, times, answering: Answering::default(), lives: Lives::default() })
    }

    /// Takes connections, at most so many at a time, for ever.
    pub async fn listen(self: Rc<Plain<S>>, listener: TcpListener, max_connections: usize) {
        let places = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    give_up_on_who_does_not_read(&stream);
                    let place = self.place(&places).await;
                    actix_rt::spawn(self.clone().connection(stream, address, place));
                }
                Err(error) => {
                    log::warn!("a connection was not taken: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// A place for one more connection: a free one, or that of an idle connection; where none is idle, the next that ends.
    async fn place(&self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(place) = places.clone().try_acquire_owned() {
                return Some(place);
            }
            self.lives.make_room();
            // Nobody closes the semaphore, so nothing is open without a place.
            if let Ok(place) = tokio::time::timeout(PAUSE, places.clone().acquire_owned()).await {
                return place.ok();
            }
        }
    }

    /// Waits until no request is being answered.
    pub async fn quiet(&self) {
        self.answering.none().await;
    }

    async fn connection(
        self: Rc<Plain<S>>,
        stream: TcpStream,
        address: SocketAddr,
        place: Option<OwnedSemaphorePermit>,
    ) {
        // An answer that waits for more to come with it would wait for its reader's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            log::debug!("{address}: {error}");
        }
        let life = Rc::new(Life::new(self.times));
        let number = self.lives.begin(&life);
        let service = service_fn(|request| self.clone().answer(request, address, life.clone()));
        let served = Builder::new()
            .max_buf_size(MAX_HEAD)
            // Whoever has said all may close its side and still wait for the answer.
            .half_close(true)
            .serve_connection(TokioIo::new(Watched::new(stream, life.clone())), service);
        if let Err(ended) = life.limit(served).await {
            log::debug!("{address}: {ended}");
        }
        self.lives.end(number);
        drop(place);
    }

    async fn answer(
        self: Rc<Plain<S>>,
        request: hyper::Request<Incoming>,
        address: SocketAddr,
        life: Rc<Life>,
    ) -> Result<Response<Outgoing>, Infallible> {
        let busy = life.begin(&self.answering);
        let value = |name: HeaderName| request.headers().get(name).map(|value| value.as_bytes());
        let caller = Caller { address: address.ip(), authorization: value(AUTHORIZATION), agent: value(USER_AGENT) };
        let direct = (request.method() == Method::POST)
            .then(|| DirectCall::of(&self.context, request.uri().path(), caller))
            .flatten();
        if let Some(call) = direct {
            let answer = call.answer(&self.context, Pieces(request.into_body())).await;
            return Ok(bridge::whole(answer, busy));
        }
        let request = match bridge::into_routes(request, address) {
            Ok(request) => request,
            Err(problem) => {
                let answer = web::Plain { status: problem.status, text: problem.to_json() };
                return Ok(bridge::whole(answer, busy));
            }
        };
        Ok(match self.routes.call(request).await {
            Ok(response) => bridge::out_of_routes(response.into_parts().1.map_into_boxed_body(), busy),
            Err(error) => bridge::out_of_routes(error.error_response(), busy),
        })
    }
}
