//! Writes the OpenAPI document to standard output, for `schemas/openapi.yaml`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(command_api::openapi_yaml().as_bytes())
}
