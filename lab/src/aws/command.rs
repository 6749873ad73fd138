//! `cargo lab aws`: the AWS of a lab by hand.

use anyhow::Result;
use clap::Subcommand;

use super::{Aws, Change, Fault};
use crate::output::say;

#[derive(Subcommand)]
pub enum Verb {
    /// Print variables by which the CLIs and SDKs of AWS find it, for eval
    Environment {
        /// As the user who may do nothing
        #[arg(long)]
        stranger: bool,
    },
    /// Make subnets and roles for clusters and print them
    Prepare,
    /// Order a fault that happens once
    #[command(subcommand)]
    Fault(Fault),
    /// Change how long things take, and what runs in new clusters
    Set(Change),
}

/// Does what the verb says.
///
/// # Errors
/// When the lab's AWS does not answer or refuses.
pub fn run(aws: &Aws, verb: &Verb) -> Result<()> {
    match verb {
        Verb::Environment { stranger } => {
            let user = if *stranger { aws.stranger() } else { aws.administrator() };
            aws.environment(user).iter().for_each(|(name, value)| say(format!("export {name}={value}")));
        }
        Verb::Prepare => {
            let prepared = aws.prepare()?;
            say(format!("subnet_ids       = {:?}", prepared.subnet_ids));
            say(format!("vpc_id           = {:?}", prepared.vpc_id));
            say(format!("cluster_role_arn = {:?}", prepared.cluster_role_arn));
            say(format!("node_role_arn    = {:?}", prepared.node_role_arn));
        }
        Verb::Fault(fault) => aws.order(fault)?,
        Verb::Set(change) => aws.set(change)?,
    }
    Ok(())
}
