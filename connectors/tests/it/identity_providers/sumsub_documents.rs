//! Documents handed in at Sumsub by its interface, and what the simulator refuses.

use bytes::Bytes;
use chrono::Utc;
use connectors::identity_providers::sumsub::request_signature;
use connectors::identity_providers::{
    DocumentKind, DocumentSide, IdentityProvider, Provider, Reported,
};
use connectors::simulators::CaseChoice;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::support::{APP_TOKEN, SECRET_KEY, request, sumsub};

/// A request, when it was signed, and over which body.
struct Upload<'a> {
    url: &'a str,
    path: &'a str,
    body: String,
    signed_body: String,
    age_seconds: i64,
}

fn multipart(content: &str) -> String {
    format!(
        "--edge\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n\
         {{\"idDocType\":\"ID_CARD\",\"country\":\"DEU\",\"idDocSubType\":\"BACK_SIDE\"}}\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"content\"; filename=\"card.png\"\r\n\
         Content-Type: image/png\r\n\r\n{content}\r\n--edge--\r\n"
    )
}

/// The status, the image's id and the answer.
async fn send(upload: &Upload<'_>) -> (u16, Option<String>, Value) {
    let timestamp = (Utc::now().timestamp() - upload.age_seconds).to_string();
    let signed = upload.signed_body.as_bytes();
    let signature = request_signature(SECRET_KEY, &timestamp, "POST", upload.path, signed);
    let request = Request::post(format!("{}{}", upload.url, upload.path))
        .header("content-type", "multipart/form-data; boundary=edge")
        .header("x-app-token", APP_TOKEN)
        .header("x-app-access-ts", timestamp)
        .header("x-app-access-sig", signature)
        .body(Full::new(Bytes::from(upload.body.clone())))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let image = response.headers().get("x-image-id");
    let image = image.map(|id| id.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, image, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn documents_are_handed_in_one_by_one() {
    let (simulator, provider) = sumsub().await;
    let opened = provider
        .open_case(&request(Provider::Sumsub, "upload-1"))
        .await
        .unwrap();
    let (url, case_id) = (simulator.url(), opened.case_id.as_str());
    let path = format!("/resources/applicants/{case_id}/info/idDoc");
    let upload = |body: &str| Upload {
        url: &url,
        path: &path,
        body: multipart(body),
        signed_body: multipart(body),
        age_seconds: 0,
    };
    let (status, image, _) = send(&upload("a picture")).await;
    assert_eq!(status, 200);
    let documents = provider.fetch_documents(&opened.case_id).await.unwrap();
    let [card] = documents.as_slice() else {
        panic!("{documents:?}");
    };
    assert_eq!(Some(card.document_id.as_str()), image.as_deref());
    assert_eq!(card.kind, Reported::Known(DocumentKind::IdentityCard));
    assert_eq!(card.side, Some(DocumentSide::Back));
    assert_eq!(card.country.as_deref(), Some("DEU"));
    assert_eq!(card.size_bytes, Some(9));
    let (status, _, answer) = send(&upload("")).await;
    assert_eq!(
        (status, &answer["errorName"]),
        (400, &Value::from("empty-file"))
    );
    for wrong in [
        Upload {
            age_seconds: 61,
            ..upload("a picture")
        },
        Upload {
            age_seconds: -61,
            ..upload("a picture")
        },
        Upload {
            signed_body: multipart("another picture"),
            ..upload("a picture")
        },
    ] {
        assert_eq!(send(&wrong).await.0, 401);
    }
    assert!(simulator.control().decide(case_id, CaseChoice::Submit));
    let (status, _, answer) = send(&upload("a picture")).await;
    assert_eq!((status, &answer["errorCode"]), (409, &Value::from(1006)));
    assert!(simulator.control().decide(case_id, CaseChoice::RejectFinal));
    let (status, _, answer) = send(&upload("a picture")).await;
    assert_eq!((status, &answer["errorCode"]), (409, &Value::from(1009)));
}
