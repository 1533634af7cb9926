//! Pages: an opaque cursor leads from one to the next and belongs to the query that gave it.

use axum::http::Uri;

use crate::app::App;
use crate::language::Text;
use crate::params::Params;
use crate::problem::Problem;

/// The query without its cursor and page length: what a cursor belongs to.
pub fn query(uri: &Uri) -> String {
    without(uri, &["cursor", "limit"])
}

/// Where the request's cursor points, if it has one.
pub fn place(app: &App, query: &str, params: &mut Params<'_>) -> Result<Option<String>, Problem> {
    let cursor = params.text("cursor")?;
    cursor.map(|cursor| app.tokens.place(query, &cursor).ok_or_else(foreign_cursor)).transpose()
}

/// A cursor that this query has not given.
pub fn foreign_cursor() -> Problem {
    let text = Text::new("Diese Marke gehört nicht zu dieser Abfrage.", "This cursor does not belong to this query.");
    Problem::parameter("cursor", text)
}

/// `Link` to the next page (RFC 8288).
pub fn link(uri: &Uri, cursor: &str) -> String {
    let rest = without(uri, &["cursor"]);
    let joint = if rest.contains('?') { '&' } else { '?' };
    format!("<{rest}{joint}cursor={cursor}>; rel=\"next\"")
}

fn without(uri: &Uri, names: &[&str]) -> String {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut kept: Vec<_> = pairs.filter(|(name, _)| !names.contains(&&**name)).collect();
    kept.sort();
    if kept.is_empty() {
        return uri.path().to_owned();
    }
    format!("{}?{}", uri.path(), form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_the_query_and_the_order_of_its_parts_does_not_matter() {
        let uri: Uri = "/v1/schools?limit=5&name=B%20%C3%B6&district=15083&cursor=abc".parse().unwrap();
        assert_eq!(query(&uri), "/v1/schools?district=15083&name=B+%C3%B6");
        assert_eq!(link(&uri, "def"), "</v1/schools?district=15083&limit=5&name=B+%C3%B6&cursor=def>; rel=\"next\"",);
        assert_eq!(link(&"/v1/schools".parse().unwrap(), "def"), "</v1/schools?cursor=def>; rel=\"next\"");
    }
}
