//! Connections over HTTP/1.1, with TLS or without: of hyper's, in the node's own thread, with the routes behind them.
//!
//! Nodes keep connections to each other open for all their life and use them a few times a second. So a connection here
//! costs a task, no clock that ticks, and one timer that is set when it opens and hardly ever again (`life.rs`); what nodes
//! say all the time is answered past the router ([`DirectCall`]), and everything else crosses into it (`bridge.rs`).
//! HTTP/2 is not spoken: what one connection can ask for at a time stays one request, which every bound here rests on.

mod bridge;
mod encryption;
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use self::bridge::{Outgoing, Pieces};
use self::life::{Answering, Ended, Life, Lives, Times, Watched};
use super::bounds::ConnectionBounds;
use crate::web::{self, Caller, DirectCall};
use crate::wire::Problem;

/// Most bytes of a head; a browser's have some 1,000.
const MAX_HEAD: usize = 64 * 1024;

/// A connection between nodes stays open over many heartbeats.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// How long the other end of a connection may take in nothing of what waits for it (RFC 5482): a stream of events would
/// otherwise hold the connection of whoever stopped reading for ever.
const UNREAD_TIME: Duration = Duration::from_secs(30);

/// Pause after the system could open no further connection, and until a place is looked for again.
const PAUSE: Duration = Duration::from_millis(100);

/// What serves connections.
pub struct Connections<S> {
    context: web::Context,
    routes: S,
    encryption: Option<TlsAcceptor>,
    times: Times,
    answering: Answering,
    lives: Lives,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
struct Client {
    address: SocketAddr,
    /// It showed a certificate, which was checked in the handshake.
    certified: bool,
    /// It does not encrypt, and should.
    bare: bool,
}

impl<S, B> Connections<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    /// Serves these routes of a node, over TLS if there is such a configuration.
    pub fn new(
        context: web::Context,
        routes: S,
        bounds: &ConnectionBounds,
        encryption: Option<rustls::ServerConfig>,
    ) -> Rc<Connections<S>> {
        let times = Times { head: bounds.header_time, keep_alive: KEEP_ALIVE };
        let encryption = encryption.map(|config| TlsAcceptor::from(Arc::new(config)));
        let (answering, lives) = (Answering::default(), Lives::default());
        Rc::new(Connections { context, routes, encryption, times, answering, lives })
    }

    /// Takes connections, at most so many at a time, for ever.
    pub async fn listen(self: Rc<Connections<S>>, listener: TcpListener, max_connections: usize) {
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
        self: Rc<Connections<S>>,
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
        let client = Client { address, certified: false, bare: self.encryption.is_some() };
        let ended = match &self.encryption {
            None => life.limit(self.serve(Watched::new(stream, life.clone()), client, &life)).await,
            // Most nodes have no such connection, and none is to be as large as these.
            Some(acceptor) => life.limit(Box::pin(self.serve_encrypted(acceptor, stream, client, &life))).await,
        };
        if let Err(ended) = ended {
            if let Some(status) = ended.status() {
                self.context.note_refusal(status);
            }
            log::debug!("{address}: {ended}");
        }
        self.lives.end(number);
        drop(place);
    }

    async fn serve_encrypted(
        self: &Rc<Connections<S>>,
        acceptor: &TlsAcceptor,
        stream: TcpStream,
        client: Client,
        life: &Rc<Life>,
    ) -> Result<(), Ended> {
        if !encryption::begins(&stream).await? {
            return self.serve(Watched::new(stream, life.clone()), client, life).await;
        }
        let stream = acceptor.accept(Watched::new(stream, life.clone())).await.map_err(Ended::Handshake)?;
        let certified = stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty());
        self.serve(stream, Client { certified, bare: false, ..client }, life).await
    }

    async fn serve(
        self: &Rc<Connections<S>>,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        client: Client,
        life: &Rc<Life>,
    ) -> Result<(), Ended> {
        let service = service_fn(|request| self.clone().answer(request, client, life.clone()));
        let served = Builder::new()
            .max_buf_size(MAX_HEAD)
            // Whoever has said all may close its side and still wait for the answer.
            .half_close(true)
            // Every answer gets its date here, but those between nodes.
            .auto_date_header(false)
            .serve_connection(TokioIo::new(stream), service);
        Ok(served.await?)
    }

    async fn answer(
        self: Rc<Connections<S>>,
        request: hyper::Request<Incoming>,
        client: Client,
        life: Rc<Life>,
    ) -> Result<Response<Outgoing>, Infallible> {
        let busy = life.begin(&self.answering);
        let refuse = |problem: &Problem| {
            self.context.note_refusal(problem.status);
            web::Plain { status: problem.status, text: problem.to_json() }
        };
        if client.bare {
            let answer = refuse(&encryption::missing());
            web::discard(Pieces(request.into_body()), encryption::TIME_TO_DISCARD).await;
            return Ok(bridge::last(answer, busy));
        }
        let value = |name: HeaderName| request.headers().get(name).map(|value| value.as_bytes());
        let caller = Caller {
            address: client.address.ip(),
            certified: client.certified,
            authorization: value(AUTHORIZATION),
            agent: value(USER_AGENT),
        };
        let direct = (request.method() == Method::POST)
            .then(|| DirectCall::of(&self.context, request.uri().path(), caller))
            .flatten();
        if let Some(call) = direct {
            let answer = call.answer(&self.context, Pieces(request.into_body())).await;
            return Ok(if call.is_brief() { bridge::brief(answer, busy) } else { bridge::whole(answer, busy) });
        }
        let request = match bridge::into_routes(request, client.address, client.certified) {
            Ok(request) => request,
            Err(problem) => return Ok(bridge::whole(refuse(&problem), busy)),
        };
        Ok(match self.routes.call(request).await {
            Ok(response) => bridge::out_of_routes(response.into_parts().1.map_into_boxed_body(), busy),
            Err(error) => bridge::out_of_routes(error.error_response(), busy),
        })
    }
}

/// Has the system close a connection whose other end takes in nothing for [`UNREAD_TIME`].
fn give_up_on_who_does_not_read(stream: &TcpStream) {
    let limit = u32::try_from(UNREAD_TIME.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, limit) {
        log::debug!("connections that are not read are kept: {error}");
    }
}
