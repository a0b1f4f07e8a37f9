//! Runs one node until it is told to leave.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use actix_service::{IntoServiceFactory as _, ServiceFactory};
use actix_web::App;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::access::key_in;
use super::bounds::connections_that_fit;
use super::connections::Connections;
use super::reload::{Reloader, tell_of_expiry};
use super::service_manager;
use super::settings::Settings;
use crate::http::{Client, Tls, Tokens};
use crate::net::{Clock, Disk, Handle, Injection, fresh_seed, progress_channel};
use crate::protocol::{DiskImage, Node, NodeId};
use crate::store::{self, Owner};
use crate::web;
use crate::wire::Door;

/// Time for what is being answered when the node leaves.
const LAST_ANSWERS: Duration = Duration::from_millis(300);

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
    let clock = Clock::start();
    let kept = match &settings.data_dir {
        None => (DiskImage::default(), None),
        Some(folder) => open_disk(folder, &settings, &id, clock)?,
    };
    let scheme = if settings.access.tls.is_some() { "https" } else { "http" };
    println!("node {id} of cluster {} listens on {scheme}://{bound}/", settings.config.cluster);
    tell_of_access(&settings, &id);
    let mut building = tokio::runtime::Builder::new_current_thread();
    let runtime = building.enable_all().max_blocking_threads(RESOLVING_AT_ONCE).build()?;
    // A task of its own, as what the thread blocks on is looked at whenever any task is woken.
    let serving = async move { actix_rt::spawn(serve(settings, id, clock, kept, listener)).await? };
    actix_rt::System::with_tokio_rt(|| runtime).block_on(serving)
}

/// Says on stderr what the operator should know of who may take part, whatever the level of the log.
fn tell_of_access(settings: &Settings, id: &NodeId) {
    for warning in settings.access.warnings.iter().chain(&settings.access.warnings_about(id)) {
        // Nothing is left to do when even stderr is closed.
        let _ = writeln!(std::io::stderr(), "gossip_server: warning: {warning}");
    }
    if let Some(key) = settings.data_dir.as_deref().map(key_in)
        && settings.access.key.is_none()
        && key.exists()
    {
        let _ = writeln!(
            std::io::stderr(),
            "gossip_server: warning: {} is not used without --sign; nodes that know it take nothing from this one",
            key.display()
        );
    }
    if let Some(key) = &settings.access.key {
        log::info!("this node signs with the key {}", key.public());
    }
    if let Some(tls) = &settings.access.tls {
        tell_of_expiry(tls);
    }
}

/// Opens the data directory before anything is served, so that whatever is wrong with it is one clear line.
fn open_disk(
    folder: &Path,
    settings: &Settings,
    id: &NodeId,
    clock: Clock,
) -> anyhow::Result<(DiskImage, Option<Disk>)> {
    let owner = Owner { cluster: settings.config.cluster.to_string(), id: id.clone() };
    let mut fresh = [0; 16];
    fresh.copy_from_slice(&fresh_seed()?[..16]);
    let fresh = uuid::Builder::from_random_bytes(fresh).into_uuid();
    let (report, progress) = progress_channel();
    let opened = store::open(folder, &owner, clock.epoch_ms(), fresh, report)?;
    if let Some(aside) = &opened.set_aside {
        let asked = !settings.config.seeds.is_empty() || !settings.config.given_peers.is_empty();
        let recovers = if asked {
            "it gets back what its seeds and peers hold"
        } else {
            "it was given no seed or peer, so that nothing comes back until another node calls it (or: gossip join)"
        };
        log::warn!("this node begins without what is in {}: {recovers}", aside.display());
    }
    let (messages, version) = (opened.image.messages.len(), opened.image.version);
    log::info!("{}: version {version}, {messages} messages", folder.display());
    Ok((opened.image, Some(Disk::new(opened.store, progress))))
}

/// What a node is made of.
struct Making {
    settings: Settings,
    id: NodeId,
    clock: Clock,
    client_tls: Option<rustls::ClientConfig>,
    seed: [u8; 32],
    fault_seed: Option<[u8; 32]>,
    left: mpsc::UnboundedSender<anyhow::Result<()>>,
}

impl Making {
    /// Starts the node, with what its disk kept, and what belongs to it.
    ///
    /// # Errors
    /// When the system has no timer left.
    fn start(self, (image, disk): (DiskImage, Option<Disk>)) -> std::io::Result<web::Context> {
        let settings = self.settings;
        let client = Client::over(self.client_tls);
        client.set_token(settings.access.tokens.as_ref().map(Tokens::to_send).as_ref());
        let mut node = Node::new(settings.config, self.id.clone(), self.seed, self.clock.now());
        node.restore(self.clock.now(), image);
        let injection = self.fault_seed.map(Injection::new);
        let door = Door { form: self.id.form() };
        let handle = Handle::start(node, client.clone(), self.clock, door, injection, disk)?;
        actix_rt::spawn(leave_when_told(handle.clone(), self.left));
        actix_rt::spawn(service_manager::keep_telling(handle.clone()));
        let tls = settings.access.tls.clone();
        let access = Rc::new(web::Access::new(tls.is_some()));
        access.set_tokens(settings.access.tokens.clone(), settings.access.read_tokens.clone());
        let (seeds_file, seeds) = settings.seeds_file.unzip();
        let reloader = Reloader {
            node: handle.clone(),
            client,
            access: access.clone(),
            settings: settings.access,
            seeds_file,
            seeds: seeds.unwrap_or_default(),
        };
        actix_rt::spawn(reloader.run());
        Ok(web::Context::new(handle, settings.requests, access, tls))
    }
}

/// The routes of a node, with what stands before them.
fn routes(
    context: web::Context,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    // The last one stands in front: guesses at tokens count as requests, too, and whatever is refused is read first.
    let app = App::new().app_data(Data::new(context)).wrap(from_fn(web::guard)).wrap(from_fn(web::limit));
    app.wrap(from_fn(web::conclude)).wrap(from_fn(web::answer_head)).configure(web::routes)
}

/// Serves in this thread, where the node lives as well.
async fn serve(
    settings: Settings,
    id: NodeId,
    clock: Clock,
    kept: (DiskImage, Option<Disk>),
    listener: TcpListener,
) -> anyhow::Result<()> {
    let (left, mut leaving) = mpsc::unbounded_channel();
    let tls = settings.access.tls.clone();
    let bounds = settings.connections;
    let making = Making {
        seed: fresh_seed()?,
        fault_seed: if settings.allow_faults { Some(fresh_seed()?) } else { None },
        client_tls: tls.as_ref().map(Tls::client_config).transpose()?,
        settings,
        id,
        clock,
        left,
    };
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let context = making.start(kept)?;
    let service = routes(context.clone()).into_factory().new_service(AppConfig::default()).await;
    let service = service.map_err(|()| anyhow::anyhow!("the routes do not start"))?;
    let encryption = tls.as_ref().map(Tls::server_config).transpose()?;
    let connections = Connections::new(context, service, &bounds, encryption);
    let fit = connections_that_fit(bounds.max_connections);
    tokio::select! {
        () = connections.clone().listen(listener, fit) => {}
        result = leaving.recv() => result.unwrap_or(Ok(()))?,
    }
    // What hangs on must not keep the process.
    let _ = tokio::time::timeout(LAST_ANSWERS, connections.quiet()).await;
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
