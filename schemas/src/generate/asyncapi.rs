//! The AsyncAPI document: the NATS subjects, the WebSocket and the server-sent events.

use schemars::SchemaGenerator;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

use ledger_core::AggregateType;

use crate::message::{ClientMessage, CloseReason, ErrorCode, ServerMessage};
use crate::published::PublishedEvent;

use super::GenerateError;

const DESCRIPTION: &str = "Live events of Daybook's ledgers.\n\n\
Positions number the events of one ledger's log: 1, 2, 3 … without gaps. A client keeps the last \
position it has and, with it, goes on where it stopped: nothing is missing and nothing comes \
twice. The NATS stream of a ledger is a copy of its log that can be rebuilt at any time, with the \
same positions as stream sequences.";

/// The document.
pub(super) fn document() -> Result<Value, GenerateError> {
    let mut settings = SchemaSettings::draft07();
    settings.definitions_path = "/components/schemas".into();
    settings.contract = Contract::Serialize;
    let mut generator = settings.into_generator();
    let from_client = messages_of::<ClientMessage>(&mut generator, "client");
    let from_server = messages_of::<ServerMessage>(&mut generator, "server");
    let published = generator.subschema_for::<PublishedEvent>().to_value();
    let mut messages = Map::new();
    for (name, message) in from_client.iter().chain(&from_server) {
        messages.insert(name.clone(), message.clone());
    }
    messages.insert(
        "publishedEvent".to_owned(),
        json!({
            "name": "publishedEvent",
            "title": "Something that has happened",
            "contentType": "application/json",
            "payload": published,
        }),
    );
    let mut schemas = generator.take_definitions(true);
    // Their variants are the messages above.
    schemas.remove("ClientMessage");
    schemas.remove("ServerMessage");
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": info(),
        "defaultContentType": "application/json",
        "servers": servers(),
        "channels": {
            "stream": stream_channel(&from_client, &from_server),
            "streamEvents": server_sent_channel(),
            "log": log_channel()?,
        },
        "operations": operations(&from_client, &from_server),
        "components": { "messages": messages, "schemas": schemas },
    }))
}

fn info() -> Value {
    json!({
        "title": "Daybook live events",
        "version": "1.0.0",
        "description": DESCRIPTION,
        "license": {
            "name": "Apache-2.0",
            "url": "https://www.apache.org/licenses/LICENSE-2.0",
        },
    })
}

fn servers() -> Value {
    json!({
        "webSocket": {
            "host": "127.0.0.1:8080",
            "protocol": "ws",
            "description": "The address Daybook serves on.",
        },
        "http": {
            "host": "127.0.0.1:8080",
            "protocol": "http",
            "description": "The same address, for server-sent events.",
        },
        "nats": {
            "host": "127.0.0.1:4222",
            "protocol": "nats",
            "description": "The NATS server, for services on the inside.",
        },
    })
}

/// The messages of an enum, one a variant, with names like `clientSubscribe`.
fn messages_of<T: schemars::JsonSchema>(
    generator: &mut SchemaGenerator,
    side: &str,
) -> Vec<(String, Value)> {
    generator.subschema_for::<T>();
    let schema = generator
        .definitions()
        .get(T::schema_name().as_ref())
        .cloned()
        .unwrap_or_default();
    let variants = schema.get("oneOf").and_then(Value::as_array).cloned();
    variants
        .unwrap_or_default()
        .into_iter()
        .map(|variant| message_of(&variant, side))
        .collect()
}

fn message_of(variant: &Value, side: &str) -> (String, Value) {
    let kind = variant["properties"]["type"]["const"]
        .as_str()
        .unwrap_or_default();
    let name = format!("{side}{}", in_pascal_case(kind));
    let message = json!({
        "name": name,
        "title": kind,
        "summary": variant["description"],
        "contentType": "application/json",
        "payload": variant,
    });
    (name, message)
}

fn in_pascal_case(snake_case: &str) -> String {
    let words = snake_case.split('_').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect::<String>()
    });
    words.collect()
}

fn references(messages: &[(String, Value)]) -> Map<String, Value> {
    messages
        .iter()
        .map(|(name, _)| {
            (
                name.clone(),
                json!({ "$ref": format!("#/components/messages/{name}") }),
            )
        })
        .collect()
}

fn stream_channel(from_client: &[(String, Value)], from_server: &[(String, Value)]) -> Value {
    let mut messages = references(from_client);
    messages.extend(references(from_server));
    let closes: Vec<String> = CloseReason::ALL
        .iter()
        .map(|reason| format!("{} {}", reason.code(), reason.as_str()))
        .collect();
    let errors: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "address": "/v1/ledgers/{ledger}/stream",
        "title": "A ledger's live events on a WebSocket",
        "description": format!(
            "One JSON object a text frame, 64 KiB at most from the client. Subscribe to any number \
             of channels.\n\nThe handshake carries `Authorization: Bearer …`, or from a browser the \
             query parameter `ticket` with what `POST /v1/stream-tickets` gave: good once, for half a \
             minute. Whoever may read the log follows every channel; whoever sees all wallets, \
             accounts and transactions follows every wallet and account; customers follow their \
             own wallets and their accounts. Whoever may follow `ledger` may have its past told with \
             `replay`, in real time or faster. Half a minute before the credential ends comes \
             `credential_expiring`; a newer one goes into `authenticate`.\n\nClose codes: {}. After a code from 4000 to 4499 connect again and \
             resume; after `credential_expired` with a newer credential.\n\nError codes: {}.",
            closes.join(", "),
            errors.join(", "),
        ),
        "parameters": { "ledger": { "description": "The ledger's name." } },
        "servers": [{ "$ref": "#/servers/webSocket" }],
        "messages": messages,
        "bindings": { "ws": { "method": "GET", "bindingVersion": "0.1.0" } },
    })
}

fn server_sent_channel() -> Value {
    json!({
        "address": "/v1/ledgers/{ledger}/stream/events",
        "title": "One channel of a ledger as server-sent events",
        "description": "The query parameter `channel` says what to follow (`ledger` when absent). \
            `Last-Event-ID`, or the query parameter `after`, says where the client stopped; \
            without it the first event is a `snapshot`. The name of each server-sent event is the \
            `type` of its message, its `id` the position to resume after. When a position cannot be \
            recovered an `error` says so, and a `snapshot` follows. The request carries \
            `Authorization: Bearer …` or the query parameter `ticket`, as for a WebSocket. The \
            stream ends with its credential: `credential_expiring` comes half a minute before, an \
            `error` says why it ends. A ticket is good once, so that an `EventSource` is made \
            anew, with a new ticket and `after`.",
        "parameters": { "ledger": { "description": "The ledger's name." } },
        "servers": [{ "$ref": "#/servers/http" }],
        "messages": {
            "serverSnapshot": { "$ref": "#/components/messages/serverSnapshot" },
            "serverResumed": { "$ref": "#/components/messages/serverResumed" },
            "serverEvent": { "$ref": "#/components/messages/serverEvent" },
            "serverHeartbeat": { "$ref": "#/components/messages/serverHeartbeat" },
            "serverCredentialExpiring": { "$ref": "#/components/messages/serverCredentialExpiring" },
            "serverError": { "$ref": "#/components/messages/serverError" },
            "serverServerShutdown": { "$ref": "#/components/messages/serverServerShutdown" },
        },
    })
}

fn log_channel() -> Result<Value, GenerateError> {
    Ok(json!({
        "address": "daybook.{ledger}.{aggregate_type}.{aggregate_id}.{event_type}",
        "title": "A ledger's log on NATS JetStream",
        "description": "The stream `DAYBOOK_<ledger>` holds `daybook.<ledger>.>`. Its sequence is \
            the position. `Nats-Msg-Id` is `<ledger>-<position>`; the stream's metadata has the \
            epoch. `data` of a message is described by `events/<event_type>.v<version>.json`.",
        "parameters": {
            "ledger": { "description": "The ledger's name." },
            "aggregate_type": {
                "description": "What kind of thing it happened to.",
                "enum": AggregateType::ALL.map(AggregateType::as_str),
            },
            "aggregate_id": { "description": "Which one: a UUID, or the ledger's name." },
            "event_type": {
                "description": "What happened.",
                "enum": super::events::names()?,
            },
        },
        "servers": [{ "$ref": "#/servers/nats" }],
        "messages": {
            "publishedEvent": { "$ref": "#/components/messages/publishedEvent" },
        },
    }))
}

fn operations(from_client: &[(String, Value)], from_server: &[(String, Value)]) -> Value {
    let on_stream = |messages: &[(String, Value)]| -> Vec<Value> {
        messages
            .iter()
            .map(|(name, _)| json!({ "$ref": format!("#/channels/stream/messages/{name}") }))
            .collect()
    };
    json!({
        "receiveFromClient": {
            "action": "receive",
            "summary": "What a client may ask on a WebSocket.",
            "channel": { "$ref": "#/channels/stream" },
            "messages": on_stream(from_client),
        },
        "sendToClient": {
            "action": "send",
            "summary": "What the server says on a WebSocket.",
            "channel": { "$ref": "#/channels/stream" },
            "messages": on_stream(from_server),
        },
        "sendServerSentEvents": {
            "action": "send",
            "summary": "What the server says as server-sent events.",
            "channel": { "$ref": "#/channels/streamEvents" },
        },
        "publishLog": {
            "action": "send",
            "summary": "The relay publishes every event of the log, in order.",
            "channel": { "$ref": "#/channels/log" },
        },
    })
}
