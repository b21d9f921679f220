//! All that a database holds, for whoever looks for something that must not be there.

use sqlx::PgConnection;

/// Every row of every table, as text: bytes show as hexadecimal digits. Nobody can read the temporary tables of
/// others, which pass with them.
pub async fn every_row(database: &mut PgConnection) -> Vec<(String, String)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables \
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema') \
           AND schemaname NOT LIKE 'pg\\_temp\\_%'",
    )
    .fetch_all(&mut *database)
    .await
    .unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let query = format!("SELECT held::text FROM {table} AS held");
        let texts = sqlx::query_scalar::<_, String>(&query)
            .fetch_all(&mut *database)
            .await;
        let texts = match texts {
            // A read model has been built anew and swapped meanwhile.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {
                continue;
            }
            texts => texts.unwrap_or_else(|error| panic!("{table}: {error}")),
        };
        rows.extend(texts.into_iter().map(|text| (table.clone(), text)));
    }
    rows
}

/// A text as bytes are shown.
pub fn hexadecimal(secret: &str) -> String {
    secret.bytes().map(|byte| format!("{byte:02x}")).collect()
}
