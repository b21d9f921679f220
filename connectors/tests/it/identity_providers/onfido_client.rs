//! The Onfido simulator, spoken to by Onfido's own Python client.

use connectors::identity_providers::{
    CaseLookup, CaseStatus, IdentityProvider, Provider, Reported,
};
use connectors::simulators::{CaseChoice, Fault};
use serde_json::{Value, json};

use super::support::{
    API_TOKEN, FAMILY, GIVEN, WEBHOOK_SECRET, WORKFLOW, onfido, reference, request,
};
use crate::gateways::client;
use crate::gateways::receiver::Receiver;
use connectors::secret::Secret;

async fn carried_out(url: &str, token: &str, operations: Value) -> Vec<Value> {
    client::carried_out("onfido_client.py", &[url, token], operations).await
}

#[tokio::test]
async fn the_client_creates_what_the_adapter_finds() {
    let (simulator, provider) = onfido().await;
    let reference = reference("client-1");
    let person = json!({"first_name": GIVEN, "last_name": FAMILY, "email": "asha.rao@example.org"});
    let results = carried_out(
        &simulator.url(),
        API_TOKEN,
        json!([["create_applicant", [{"ApplicantBuilder": person}]]]),
    )
    .await;
    let applicant = results[0]["id"].as_str().unwrap();
    let run = json!({
        "applicant_id": applicant,
        "workflow_id": WORKFLOW,
        "tags": [reference.as_str()],
        "customer_user_id": reference.as_str(),
        "link": {"completed_redirect_url": "https://shop.example/return"},
    });
    let results = carried_out(
        &simulator.url(),
        API_TOKEN,
        json!([
            ["find_applicant", [applicant]],
            ["create_workflow_run", [{"WorkflowRunBuilder": run}]],
            ["upload_document", ["passport", applicant, {"file": "not really a passport"}]],
            ["list_documents", [applicant]],
            ["list_workflow_runs", [], {"tags": [reference.as_str()]}],
            ["list_workflow_runs", [], {"tags": ["another"]}],
            ["find_applicant", ["00000000-0000-4000-8000-000000000000"]],
            ["create_workflow_run", [{"WorkflowRunBuilder": {"applicant_id": applicant, "workflow_id": applicant}}]],
        ]),
    )
    .await;
    assert_eq!(results[0]["first_name"], GIVEN);
    let run = &results[1];
    assert_eq!(run["status"], "awaiting_input");
    assert_eq!(results[2]["type"], "passport");
    assert_eq!(results[3]["documents"].as_array().unwrap().len(), 1);
    assert_eq!(results[4].as_array().unwrap().len(), 1);
    assert_eq!(results[5], json!([]));
    assert_eq!(results[6]["status"], 404);
    assert_eq!(results[7]["status"], 422);
    let case = provider
        .fetch_case(&CaseLookup::Reference(reference.clone()))
        .await
        .unwrap();
    assert_eq!(case.case_id.as_str(), run["id"].as_str().unwrap());
    assert_eq!(case.reference, Some(reference));
    let documents = provider.fetch_documents(&case.case_id).await.unwrap();
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].size_bytes, Some(21));
}

#[tokio::test]
async fn the_client_finds_what_the_adapter_opens_and_verifies_its_webhooks() {
    let (simulator, provider) = onfido().await;
    let receiver = Receiver::start().await;
    let secrets = [Secret::new(WEBHOOK_SECRET)];
    simulator.control().set_webhook(&receiver.url(), &secrets);
    let opened = provider
        .open_case(&request(Provider::Onfido, "client-2"))
        .await
        .unwrap();
    for choice in [CaseChoice::Submit, CaseChoice::Approve] {
        assert!(simulator.control().decide(opened.case_id.as_str(), choice));
    }
    simulator.webhooks_settled().await;
    let mut operations = vec![json!(["find_workflow_run", [opened.case_id]])];
    let received = receiver.received();
    for webhook in &received {
        let body = String::from_utf8(webhook.body.clone()).unwrap();
        let signature = webhook.headers["x-sha2-signature"].to_str().unwrap();
        operations.push(json!(["webhook", [WEBHOOK_SECRET, body, signature]]));
        operations.push(json!(["webhook", ["another", body, signature]]));
    }
    let results = carried_out(&simulator.url(), API_TOKEN, json!(operations)).await;
    assert_eq!(results[0]["status"], "approved");
    assert_eq!(received.len(), 2);
    for pair in results[1..].chunks(2) {
        assert_eq!(pair[0]["payload"]["object"]["id"], opened.case_id.as_str());
        assert_eq!(pair[1]["error"], "OnfidoInvalidSignatureError");
    }
    let status = provider
        .fetch_case(&CaseLookup::Id(opened.case_id))
        .await
        .unwrap()
        .status;
    assert_eq!(status, Reported::Known(CaseStatus::Approved));
}

#[tokio::test]
async fn the_client_understands_errors() {
    let (simulator, _provider) = onfido().await;
    let find = json!([[
        "find_workflow_run",
        ["00000000-0000-4000-8000-000000000000"]
    ]]);
    let results = carried_out(&simulator.url(), "another", find.clone()).await;
    assert_eq!(results[0]["error"], "UnauthorizedException");
    simulator.control().faults().arm(&Fault::Fail, 1);
    let results = carried_out(&simulator.url(), API_TOKEN, find).await;
    assert_eq!(results[0]["error"], "ServiceException");
    let nameless = json!([["create_applicant", [{"ApplicantBuilder": {"first_name": "", "last_name": "Rao"}}]]]);
    let results = carried_out(&simulator.url(), API_TOKEN, nameless).await;
    assert_eq!(results[0]["status"], 422);
}
