//! `gossip compose`: a network as a Docker Compose file.

use rand::rngs::SmallRng;

use super::context::Context;
use super::failure::Failure;
use super::output::print;
use super::shape_word::ShapeWord;
use crate::lab::{
    Containers, DEFAULT_BASE_PORT, DEFAULT_IMAGE, LaunchPlan, Launcher, NetworkAccess, OldData, Shape, compose,
};

/// Prints a network as a Docker Compose file, one container per node.
///
/// For `docker compose` and `docker-compose`; nothing is started. The nodes have a network of their own, and node N answers
/// at port 7000 + N of this machine. SHAPE is as in start-network.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gossip compose -n 16 > docker-compose.yml
  gossip compose circular -n 5 --base-port 9000 -- --heartbeat 200ms

start-network --docker does this, starts it, and lets all other commands work on it.")]
pub struct Args {
    /// The graph of who is whose peer [default: random, with 3 peers each as far as N allows].
    #[arg(value_name = "SHAPE", num_args = 0..=3, value_parser = ShapeWord, hide_possible_values = true)]
    shape: Vec<String>,

    /// How many nodes, 2 to 1000 [default: 16, or as many as FILE has].
    #[arg(short, long, value_name = "N")]
    num_nodes: Option<usize>,

    /// Node N answers at this port + N.
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_BASE_PORT)]
    base_port: u16,

    /// The image of the containers; bin/image builds the default one.
    #[arg(long, value_name = "IMAGE", default_value = DEFAULT_IMAGE)]
    image: String,

    /// Flags of gossip_server for every node.
    #[arg(last = true, value_name = "NODE_FLAGS")]
    node_flags: Vec<String>,
}

/// Prints the file.
pub fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let shape = Shape::parse(&args.shape).map_err(Failure::Usage)?;
    let mut random: SmallRng = rand::make_rng();
    let drawing = shape.draw(args.num_nodes, &mut random, &mut |_| ())?;
    let containers = Containers::of(&context.name, &args.image);
    let plan = LaunchPlan {
        name: context.name.clone(),
        base_port: args.base_port,
        shape: shape.to_string(),
        newcomer_places: shape.newcomer_places(),
        launcher: Launcher::Containers { containers: containers.clone() },
        drawing,
        access: NetworkAccess::default(),
        node_flags: args.node_flags,
        durable: false,
        old_data: OldData::Refuse,
        limit: std::time::Duration::ZERO,
    };
    print(&compose(&context.registry, &containers, &plan)?)
}
