//! What every command needs: the flags that all share, the registry, the connections, and the node that is meant.

use std::time::Duration;

use super::access::AccessFlags;
use super::failure::Failure;
use super::names::Names;
use super::node_arg::NodeArg;
use super::output::{Form, say};
use crate::arguments::parse_duration;
use crate::client::{CallError, Caller, ClientError, NodeClient};
use crate::lab::{DEFAULT_BASE_PORT, LabError, NetworkName, NetworkRecord, Registry};
use crate::protocol::NodeId;

/// A node that answers at all answers within this time, unless the command line says otherwise.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// The flags that all commands share.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// The network that is meant, where several run side by side: letters, digits, '-' and '_'.
    #[arg(long, global = true, value_name = "NAME", default_value = NetworkName::DEFAULT, help_heading = "For all commands")]
    pub name: NetworkName,

    /// How the answer is printed.
    #[arg(short, long, global = true, value_enum, default_value_t, help_heading = "For all commands")]
    pub output: Form,

    /// How long to wait, such as 500ms or 2min [default: 5s for an answer; 30s for wait; for start-network 30s and 100ms per node].
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_timeout, help_heading = "For all commands")]
    pub timeout: Option<Duration>,

    #[command(flatten)]
    pub access: AccessFlags,
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if duration.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(duration) }
}

/// What every command needs.
pub struct Context {
    /// The network's name.
    pub name: NetworkName,
    /// How the answer is printed.
    pub form: Form,
    /// Where networks are written down.
    pub registry: Registry,
    /// The connections to the network's nodes.
    pub caller: Caller,
    /// What nodes are shown, as typed.
    pub access: AccessFlags,
    /// The connections to other nodes.
    outside: Caller,
    timeout: Option<Duration>,
}

/// The node that a command is about.
pub struct Target {
    /// Its id.
    pub id: NodeId,
    /// Where it is called.
    address: String,
    /// It, ready to be asked.
    pub client: NodeClient,
    /// How nodes are shown.
    pub names: Names,
    typed: Option<u16>,
    limit: Duration,
}

impl Context {
    /// Finds the registry.
    pub fn new(common: Common) -> Result<Context, Failure> {
        let registry = Registry::of_user()?.telling(say);
        let Common { name, output: form, timeout, access } = common;
        let outside = access.caller()?;
        // A record that cannot be read is the command's to complain of, if it needs one.
        let network = registry.load(&name).ok().flatten().filter(NetworkRecord::is_running);
        let caller = network.map_or(Ok(outside.clone()), |network| access.caller_within(&network.access))?;
        Ok(Context { name, form, registry, caller, access, outside, timeout })
    }

    /// How long to wait for something that takes `usual` as a rule.
    pub fn limit(&self, usual: Duration) -> Duration {
        self.timeout.unwrap_or(usual)
    }

    /// The network that is meant, if it runs.
    pub fn running(&self) -> Result<Option<NetworkRecord>, Failure> {
        Ok(self.registry.load(&self.name)?.filter(NetworkRecord::is_running))
    }

    /// The network that is meant.
    ///
    /// Fails when it does not run.
    pub fn network(&self) -> Result<NetworkRecord, Failure> {
        Ok(self.registry.load_running(&self.name)?)
    }

    /// The node that is meant. Numbers count from the network's base port, or from the usual one when no network runs and none
    /// was named: nodes may have been started by hand.
    pub fn target(&self, node: &NodeArg) -> Result<Target, Failure> {
        let network = self.running()?;
        let (id, address) = match (node, &network) {
            (NodeArg::Number(number), Some(network)) => {
                // One that is not there does not answer, whoever asks.
                let node = network.node(*number).map_err(|error| Failure::Unreachable(error.to_string()))?;
                (node.id(), node.address())
            }
            // Another network's node of that number is not meant.
            (NodeArg::Number(_), None) if !self.name.is_default() => {
                return Err(LabError::NotRunning { name: self.name.clone() }.into());
            }
            (NodeArg::Number(number), None) => {
                let port = DEFAULT_BASE_PORT.checked_add(*number);
                let beyond = LabError::BeyondPorts { number: u64::from(*number), base_port: DEFAULT_BASE_PORT };
                let id = NodeId::Port(port.ok_or(beyond)?);
                (id.clone(), id.address())
            }
            (NodeArg::Address(id), network) => {
                let known = network.as_ref().and_then(|network| network.find(id));
                known.map_or_else(|| (id.clone(), id.address()), |node| (node.id(), node.address()))
            }
        };
        let limit = self.limit(ANSWER_TIME);
        let inside = network.as_ref().is_some_and(|network| network.nodes.iter().any(|node| node.id() == id));
        let caller = if inside { &self.caller } else { &self.outside };
        let client = caller.node(address.clone(), limit);
        let typed = match node {
            NodeArg::Number(number) => Some(*number),
            NodeArg::Address(_) => None,
        };
        Ok(Target { id, address, client, names: Names::of(network.as_ref()), typed, limit })
    }

    /// How nodes are shown, by what is written down now.
    pub fn names(&self) -> Names {
        Names::of(self.running().ok().flatten().as_ref())
    }

    /// The number of a node of the running network.
    pub fn number(&self, network: &NetworkRecord, node: &NodeArg) -> Result<u16, Failure> {
        match node {
            NodeArg::Number(number) => Ok(network.node(*number)?.number),
            NodeArg::Address(id) => {
                let found = network.find(id).map(|node| node.number);
                found.ok_or_else(|| Failure::No(format!("{id} is no node of network {}", network.name)))
            }
        }
    }
}

impl Target {
    /// The node in words: `node 9 (127.0.0.1:7009)`.
    pub fn full(&self) -> String {
        match self.typed {
            // A typed number is repeated, also where the network has no such node.
            Some(number) => format!("node {number} ({})", self.address),
            None => self.names.full(&self.id),
        }
    }

    /// What a failed call to this node means for the command.
    pub fn explain(&self, error: ClientError) -> Failure {
        let node = self.full();
        match error {
            ClientError::Silent(CallError::Refused) => Failure::Unreachable(format!("{node} does not answer")),
            ClientError::Silent(CallError::TimedOut) => Failure::Unreachable(format!(
                "{node} does not answer within {}",
                humantime::format_duration(self.limit)
            )),
            ClientError::Silent(CallError::Broken(reason)) => {
                Failure::Unreachable(format!("{node} does not answer: {reason}"))
            }
            // The token is the header's matter only for whoever speaks HTTP.
            ClientError::Refused(problem)
                if matches!(problem.status, 401 | 403) && problem.detail.contains("token") =>
            {
                let said = problem.detail.split(':').next().unwrap_or_default();
                Failure::No(format!("{node}: {said}; name a file with one by --token-file FILE or GOSSIP_TOKEN_FILE"))
            }
            ClientError::Refused(problem) => Failure::No(format!("{node}: {}", problem.detail)),
            ClientError::Foreign(_) => Failure::No(format!("{node} {error}")),
        }
    }
}
