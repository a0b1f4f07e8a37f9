//! `gossip certificates`: an authority of one's own, and what it signs.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::output::{Form, print_json, print_table, say};
use crate::lab::{CertificateName, make_certificates, renew_certificates};

/// Makes certificates for nodes, for a test or a small installation.
///
/// The first use makes the authority, ca.pem, which signs all later ones, and client.pem for the command line. NODE is a node's
/// id: a port of this machine, or host:port.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip certificates tls 7001 7002 7003
  gossip certificates tls db1.example:7000 10.0.0.5:7000
  gossip certificates tls 7001 --force            renews it; send the node a SIGHUP
  gossip certificates tls --force                 renews all that are there, but for the authority
  gossip_server --port 7001 --tls-cert tls/7001.pem --tls-key tls/7001-key.pem --tls-ca tls/ca.pem

Whoever has ca-key.pem can make members: keep it away from the nodes.")]
pub struct Args {
    /// The folder; it is made if it does not exist.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The nodes.
    #[arg(value_name = "NODE")]
    nodes: Vec<CertificateName>,

    /// How long they are valid, in days, 1 to 3650.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,

    /// Renews the certificates of nodes that have one; without NODE those of all, and the one of the command line.
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Row {
    name: String,
    certificate: PathBuf,
    key: PathBuf,
    until: String,
}

/// Makes them.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let made = if args.force && args.nodes.is_empty() {
        renew_certificates(&args.folder, args.days)?
    } else {
        make_certificates(&args.folder, &args.nodes, args.days, args.force)?
    };
    let rows = made.into_iter().map(|made| Row {
        name: made.name,
        certificate: made.certificate,
        key: made.key,
        until: Timestamp::try_from(made.until).map_or_else(|_| String::new(), |until| format!("{until:.0}")),
    });
    if context.form == Form::Json {
        return print_json(&rows.collect::<Vec<_>>());
    }
    let cells =
        |row: Row| vec![row.name, row.certificate.display().to_string(), row.key.display().to_string(), row.until];
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    if rows.is_empty() {
        say("nothing was missing");
        return Ok(());
    }
    print_table(&["for", "certificate", "key", "valid until"], rows)
}
