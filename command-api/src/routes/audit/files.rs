//! The checkpoint and the tiles of a log at the paths that C2SP tlog-tiles gives them, below
//! `/v1/ledgers/{ledger}/log/`. They are files and no operations: their paths have any number of parts.

use audit::tree::tile_of_path;
use ledger_core::LedgerName;
use poem::endpoint::{EndpointExt, make};
use poem::http::header;
use poem::{Request, Response, Route, RouteMethod};

use super::{not_sealed, problem};
use crate::access::guard::{Asked, guarded};
use crate::access::{Access, LOG_FILES, requirement_of};
use crate::limits::Group;
use crate::operations::observed;
use crate::problem::{Problem, catalogue};
use crate::services::Services;

/// Where the files of a log are.
const CHECKPOINT_FILE: &str = "/v1/ledgers/:ledger/log/checkpoint";
const TILE_FILES: &str = "/v1/ledgers/:ledger/log/tile/*path";

/// A full tile never changes; half a tile does not either, but nobody asks for it twice.
const FOR_EVER: &str = "private, max-age=31536000, immutable";

/// Adds the files of logs.
pub fn log_routes(route: Route, services: &Services, access: &Access) -> Route {
    let asked = || Asked {
        operation: LOG_FILES,
        requirement: requirement_of(LOG_FILES),
        group: Group::Queries,
    };
    let (of_checkpoint, of_tiles) = (services.clone(), services.clone());
    let checkpoint = make(move |request| {
        let services = of_checkpoint.clone();
        async move {
            checkpoint_file(&services, &request)
                .await
                .map_err(poem::Error::from)
        }
    });
    let tile = make(move |request| {
        let services = of_tiles.clone();
        async move {
            tile_file(&services, &request)
                .await
                .map_err(poem::Error::from)
        }
    });
    let checkpoint = guarded(access, asked(), checkpoint.map_to_response().boxed());
    let tile = guarded(access, asked(), tile.map_to_response().boxed());
    route
        .at(
            CHECKPOINT_FILE,
            RouteMethod::new().get(observed(CHECKPOINT_FILE, checkpoint)),
        )
        .at(
            TILE_FILES,
            RouteMethod::new().get(observed(TILE_FILES, tile)),
        )
}

async fn checkpoint_file(services: &Services, request: &Request) -> Result<Response, Problem> {
    let ledger = ledger_of(request)?;
    services.existing_head(ledger).await?;
    let latest = services.sealer.store().latest(ledger).await;
    let latest = latest.map_err(|error| problem(error.into()))?;
    let latest = latest.ok_or_else(|| not_sealed("nothing of the ledger is sealed yet"))?;
    Ok(Response::builder()
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .body(latest.checkpoint.text))
}

async fn tile_file(services: &Services, request: &Request) -> Result<Response, Problem> {
    let ledger = ledger_of(request)?;
    services.existing_head(ledger).await?;
    let path = request.raw_path_param("path").unwrap_or_default();
    let tile = tile_of_path(&format!("tile/{path}"));
    let (place, width) = tile.ok_or_else(|| {
        Problem::new(
            catalogue::ROUTE_NOT_FOUND,
            "a tile is at <level>/<number> or <level>/<number>.p/<width>",
        )
    })?;
    let bytes = services.sealer.tile(ledger, place, width).await;
    let bytes = bytes.map_err(problem)?;
    let bytes = bytes.ok_or_else(|| not_sealed("the tile is not sealed yet"))?;
    Ok(Response::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CACHE_CONTROL, FOR_EVER)
        .body(bytes))
}

fn ledger_of(request: &Request) -> Result<LedgerName, Problem> {
    let name = request.raw_path_param("ledger").unwrap_or_default();
    name.parse()
        .map_err(|_| Problem::new(catalogue::ROUTE_NOT_FOUND, "there is no such ledger"))
}
