//! `daybook up`: everything, from nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use connectors::beancount::{ImportRequest, Python, generate_example};
use metrics_exporter_prometheus::PrometheusHandle;

use super::serve::{StopSignals, options, start_metrics};
use super::{CommandError, import, tell};
use crate::cli::Up;
use crate::node::{Node, NodeOptions};
use crate::servers::{Folders, Servers};
use crate::settings::Settings;

/// The ledger that the demo is loaded into.
const DEMO_LEDGER: &str = "demo";

/// Starts everything, and stops it again.
pub(super) async fn run(
    arguments: Up,
    settings: Settings,
    folders: Folders,
) -> Result<ExitCode, CommandError> {
    tell("starting PostgreSQL and NATS");
    let servers = Servers::start(&settings, &folders).await?;
    let options = NodeOptions {
        listen: arguments.listen.unwrap_or(settings.http.listen),
        ..options(&settings, &servers.database_url, &servers.nats_url)
    };
    let ended = serve(
        &servers,
        options,
        start_metrics()?,
        arguments.demo,
        &folders,
    )
    .await;
    servers.stop().await;
    ended?;
    tell("stopped; your data is kept");
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    servers: &Servers,
    options: NodeOptions,
    metrics: PrometheusHandle,
    demo: bool,
    folders: &Folders,
) -> Result<(), CommandError> {
    let node = Node::start(options, metrics).await?;
    let served = async {
        let mut stop = StopSignals::listen()?;
        servers.announce(Some(node.address.to_string()))?;
        if demo {
            tokio::select! {
                loaded = load_demo(&node, folders) => loaded?,
                () = stop.told() => return Ok(()),
            }
        }
        tell(&welcome(node.address, demo));
        stop.told().await;
        Ok(())
    };
    let served = served.await;
    node.stop().await;
    served
}

async fn load_demo(node: &Node, folders: &Folders) -> Result<(), CommandError> {
    let python =
        Python::new(std::env::var_os("DAYBOOK_PYTHON").unwrap_or_else(|| "python3".into()));
    let file = folders.data.join("demo.beancount");
    tell("writing a household's books with bean-example");
    write_example(&python, &file).await?;
    let request = ImportRequest::new(&file, DEMO_LEDGER.parse()?, "household".parse()?);
    import::load(&request, &node.executors, &python).await
}

/// The same books every time, so that loading the demo twice changes nothing.
async fn write_example(python: &Python, file: &Path) -> Result<(), CommandError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    generate_example(python, file).await?;
    Ok(())
}

/// What to open and what to paste.
fn welcome(address: SocketAddr, demo: bool) -> String {
    let url = format!("http://{address}");
    let demo = if demo {
        format!("\n  the demo's accounts      curl -s '{url}/v1/ledgers/demo/accounts?limit=5'\n")
    } else {
        String::new()
    };
    format!(
        r#"
Daybook is up at {url}/   (Ctrl-C stops it; your data is kept)

  documentation, to try    {url}/docs
  live stream              ws://{address}/v1/ledgers/main/stream
  health                   {url}/health/ready
{demo}
Paste this into another terminal:

  B={url}/v1/ledgers; J='content-type: application/json'
  curl -s $B -H "$J" -d '{{"name":"main"}}'
  A=$(curl -s $B/main/wallets -H "$J" -d '{{"owner":"asha"}}' | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')
  curl -s $B/main/transactions -H "$J" -H 'idempotency-key: first-deposit' \
    -d '{{"postings":[{{"source":"system:cash","destination":"wallet:'$A'","asset":"INR","amount":"250.00"}}]}}'
  curl -s $B/main/wallets/$A/accounts
  curl -sN "$B/main/stream/events?after=0"     # live; Ctrl-C ends it
"#
    )
}
