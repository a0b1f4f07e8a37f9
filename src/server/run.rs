//! Runs one node until it is told to leave.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::bounds::connections_that_fit;
use super::service_manager;
use super::settings::Settings;
use crate::http::Client;
use crate::net::{Clock, Handle, Injection, fresh_seed};
use crate::protocol::{Node, NodeId};
use crate::web;
use crate::wire::Door;

/// A connection between nodes stays open over many heartbeats.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// Host names that are looked up at a time, each by a thread that ends when it is idle: one name that nobody answers for
/// must not keep a node from the others. A local network, whose ids are ports, never needs one.
const RESOLVING_AT_ONCE: usize = 16;

/// Binds, serves, and leaves on SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot bind, or the server ends by itself.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    let listener = TcpListener::bind(settings.address)
        .with_context(|| format!("cannot listen on {} (is the port in use?)", settings.address))?;
    let bound = listener.local_addr()?;
    let id = settings.id(bound);
    println!("node {id} of cluster {} listens on http://{bound}/", settings.config.cluster);
    actix_rt::System::new().block_on(serve(settings, id, listener))
}

async fn serve(settings: Settings, id: NodeId, listener: TcpListener) -> anyhow::Result<()> {
    let (left, mut leaving) = mpsc::unbounded_channel::<anyhow::Result<()>>();
    let seed = fresh_seed()?;
    let fault_seed = if settings.allow_faults { Some(fresh_seed()?) } else { None };
    let connections = settings.connections;
    // The node lives on the one worker's thread, where its handlers run: it is made there, by the first use of this.
    let factory = move || {
        let form = id.form();
        let clock = Clock::start();
        let node = Node::new(settings.config.clone(), id.clone(), seed, clock.now());
        let handle = Handle::start(node, Client::new(), clock, Door { form }, fault_seed.map(Injection::new));
        actix_rt::spawn(leave_when_told(handle.clone(), left.clone()));
        actix_rt::spawn(service_manager::keep_telling(handle.clone()));
        let context = web::Context::new(handle, settings.requests);
        App::new().app_data(Data::new(context)).wrap(from_fn(web::limit)).configure(web::routes)
    };
    let server = HttpServer::new(factory)
        .workers(1)
        .worker_max_blocking_threads(RESOLVING_AT_ONCE)
        .max_connections(connections_that_fit(connections.max_connections))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(connections.header_time)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run();
    let stopper: ServerHandle = server.handle();
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => ended.context("the server ended")?,
        result = leaving.recv() => {
            result.unwrap_or(Ok(()))?;
            let quick = async {
                tokio::join!(stopper.stop(true), &mut server).1
            };
            // What is in flight has had its time; what hangs on must not keep the process.
            if let Ok(ended) = tokio::time::timeout(Duration::from_millis(300), quick).await {
                ended?;
            }
        }
    }
    Ok(())
}

/// Waits for a signal, lets the node say goodbye, and reports.
async fn leave_when_told(node: Handle, left: mpsc::UnboundedSender<anyhow::Result<()>>) {
    // The receiver is gone only when the process ends anyway.
    let _ = left.send(leave(node).await);
}

async fn leave(node: Handle) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    service_manager::tell_leaving();
    log::info!("leaving; a second signal ends at once");
    tokio::select! {
        () = node.leave() => Ok(()),
        _ = terminate.recv() => std::process::exit(1),
        _ = interrupt.recv() => std::process::exit(1),
    }
}
