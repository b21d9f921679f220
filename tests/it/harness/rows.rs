//! All that a database holds, for whoever looks for something that must not be there.

use sqlx::PgConnection;

/// Every row of every table, as text: bytes show as hexadecimal digits.
pub async fn every_row(database: &mut PgConnection) -> Vec<(String, String)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables \
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut *database)
    .await
    .unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let query = format!("SELECT held::text FROM {table} AS held");
        let texts: Vec<String> = sqlx::query_scalar(&query)
            .fetch_all(&mut *database)
            .await
            .unwrap();
        rows.extend(texts.into_iter().map(|text| (table.clone(), text)));
    }
    rows
}

/// A text as bytes are shown.
pub fn hexadecimal(secret: &str) -> String {
    secret.bytes().map(|byte| format!("{byte:02x}")).collect()
}
