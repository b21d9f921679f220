//! `daybook up`: everything, from nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use connectors::beancount::{ImportRequest, Python, generate_example};

use zeroize::Zeroizing;

use super::serve::{StopSignals, options, start_metrics};
use super::{CommandError, access, import, tell};
use crate::cli::Up;
use crate::node::{Node, NodeOptions};
use crate::servers::{Folders, Servers};
use crate::settings::Settings;
use crate::simulators::{IdentitySimulators, Simulators};

/// The ledger that the demo is loaded into.
const DEMO_LEDGER: &str = "demo";

/// The ledger that the instructions open, and that simulated providers serve.
const MAIN_LEDGER: &str = "main";

/// Starts everything, and stops it again.
pub(super) async fn run(
    arguments: Up,
    settings: Settings,
    folders: Folders,
) -> Result<ExitCode, CommandError> {
    tell("starting PostgreSQL and NATS");
    let servers = Servers::start(&settings, &folders).await?;
    let ended = serve(&servers, &arguments, &settings, &folders).await;
    servers.stop().await;
    ended?;
    tell("stopped; your data is kept");
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    servers: &Servers,
    arguments: &Up,
    settings: &Settings,
    folders: &Folders,
) -> Result<(), CommandError> {
    let listen = arguments.listen.unwrap_or(settings.http.listen);
    let access = access::private_options(settings, listen, &folders.data)?;
    let simulators = match settings.payments.accounts.as_slice() {
        [] => Some(Simulators::start().await?),
        _ => None,
    };
    let payments = match &simulators {
        Some(simulators) => simulators.options(MAIN_LEDGER.parse()?)?,
        None => settings.payments.options()?,
    };
    let checkers = match settings.verification.accounts.as_slice() {
        [] => Some(IdentitySimulators::start().await?),
        _ => None,
    };
    let identity = match &checkers {
        Some(checkers) => checkers.options(MAIN_LEDGER.parse()?)?,
        None => settings.verification.identity()?,
    };
    let options = NodeOptions {
        listen,
        payments,
        identity,
        ..options(
            settings,
            folders,
            (&servers.database_url, &servers.nats_url),
            access,
        )?
    };
    let node = Node::start(options, start_metrics()?).await?;
    if let Some(simulators) = &simulators {
        simulators.send_webhooks_to(&format!("http://{}/", node.address).parse()?);
    }
    if let Some(checkers) = &checkers {
        checkers.send_webhooks_to(&format!("http://{}/", node.address).parse()?);
    }
    let served = async {
        let mut stop = StopSignals::listen()?;
        let identities = node.authenticator.identities();
        access::keep_admin_key(identities, &folders.data).await?;
        let people = access::begin_people(identities).await?;
        servers.announce(Some(node.address.to_string()))?;
        if arguments.demo {
            tokio::select! {
                loaded = load_demo(&node, folders) => loaded?,
                () = stop.told() => return Ok(()),
            }
        }
        let key = folders.data.join(access::ADMIN_KEY_FILE);
        tell(&welcome(node.address, &key, arguments.demo));
        if simulators.is_some() {
            tell(&deposit(node.address));
        }
        if checkers.is_some() {
            tell(&verification(node.address));
        }
        tell(&introduction(node.address, &people));
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
fn welcome(address: SocketAddr, key: &Path, demo: bool) -> String {
    let (url, key) = (format!("http://{address}"), key.display());
    let demo = if demo {
        format!(
            "\n  the demo's accounts      curl -s -H \"$K\" '{url}/v1/ledgers/demo/accounts?limit=5'\n"
        )
    } else {
        String::new()
    };
    format!(
        r#"
Daybook is up at {url}/   (Ctrl-C stops it; your data is kept)

  documentation, to try    {url}/docs
  an administrator's key   {key}
  live stream              ws://{address}/v1/ledgers/main/stream
  health                   {url}/health/ready
{demo}
Paste this into another terminal:

  B={url}/v1/ledgers; J='content-type: application/json'
  K="authorization: Bearer $(cat {key})"
  curl -s $B -H "$K" -H "$J" -d '{{"name":"main"}}'
  A=$(curl -s $B/main/wallets -H "$K" -H "$J" -d '{{"owner":"asha"}}' | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')
  curl -s $B/main/transactions -H "$K" -H "$J" -H 'idempotency-key: first-deposit' \
    -d '{{"postings":[{{"source":"system:cash","destination":"wallet:'$A'","asset":"INR","amount":"250.00"}}]}}'
  curl -s $B/main/wallets/$A/accounts -H "$K"
  curl -sN "$B/main/stream/events?after=0" -H "$K"     # live; Ctrl-C ends it
"#
    )
}

/// How a deposit is paid by hand.
fn deposit(address: SocketAddr) -> String {
    format!(
        r#"Simulated Razorpay, Stripe, PayU and Instamojo serve the ledger main. A deposit, to pay in a browser:

  curl -s $B/main/deposits -H "$K" -H "$J" -d '{{"wallet":"'$A'","asset":"INR","amount":"100.00","return_url":"http://{address}/docs"}}'
     # open its checkout_url; choose how it ends; then:
  curl -s "$B/main/deposits?wallet=$A" -H "$K"
"#
    )
}

/// How somebody is verified by hand.
fn verification(address: SocketAddr) -> String {
    format!(
        r#"Simulated Sumsub, Onfido and Digio check the owners in main. A case, to pass in a browser:

  curl -s -X PUT $B/main/tiers/full -H "$K" -H "$J" -d '{{"other_assets":"unlimited"}}'
  C=$(curl -s $B/main/cases -H "$K" -H "$J" -d '{{"owner":"asha","tier":"full"}}' | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')
  curl -s $B/main/cases/$C/submit -H "$K" -H "$J" -d '{{"providers":["sumsub"],"return_url":"http://{address}/docs"}}'
     # wait a moment; open the url of its entries; choose how it ends; then again:
  curl -s $B/main/cases/$C -H "$K"
"#
    )
}

/// Who was made, and what they sign in with.
fn introduction(address: SocketAddr, people: &[(&str, Zeroizing<String>)]) -> String {
    if people.is_empty() {
        return String::new();
    }
    let mut told =
        "People made now; their passwords are shown this once (codes are shown at ".to_owned();
    told.push_str(&format!("http://{address}/dev/mailbox):\n\n"));
    for (email, password) in people {
        told.push_str(&format!("  {email:<24} {}\n", **password));
    }
    told.push_str(&format!(
        "\n  sign in:  curl -s http://{address}/v1/sessions -H 'content-type: application/json' \\\n    \
         -d '{{\"email\":\"asha@daybook.example\",\"password\":\"…\"}}'\n"
    ));
    told
}
