//! The page: files that are part of the program. They are the same for everybody and hold nothing of the host, so they are given
//! without the key, and to whoever follows a link from elsewhere; what they show is asked of the API, with the key.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Shared, guard};

/// Path, media type, contents.
const FILES: [(&str, &str, &[u8]); 8] = [
    ("/", "text/html; charset=utf-8", include_bytes!("page/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_bytes!("page/style.css")),
    ("/app.js", "text/javascript; charset=utf-8", include_bytes!("page/app.js")),
    ("/draw.js", "text/javascript; charset=utf-8", include_bytes!("page/draw.js")),
    ("/views.js", "text/javascript; charset=utf-8", include_bytes!("page/views.js")),
    ("/overview.js", "text/javascript; charset=utf-8", include_bytes!("page/overview.js")),
    ("/audit.js", "text/javascript; charset=utf-8", include_bytes!("page/audit.js")),
    ("/icon.svg", "image/svg+xml", include_bytes!("page/icon.svg")),
];

pub(super) fn routes(shared: &Arc<Shared>) -> Router {
    let file = |router: Router<Arc<Shared>>,
                (path, media_type, contents): (&'static str, &'static str, &'static [u8])| {
        let give = async move |State(shared): State<Arc<Shared>>,
                               ConnectInfo(peer): ConnectInfo<SocketAddr>,
                               headers: HeaderMap|
                    -> Response {
            let allowed = guard::for_here(&shared.parts, peer.ip(), &headers)
                .and_then(|()| guard::can_be_opened(&shared.parts).map(|_| ()));
            if let Err(refused) = allowed {
                return *refused;
            }
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
                // The next version of the host has another page under the same names.
                (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            ];
            (headers, contents).into_response()
        };
        router.route(path, get(give))
    };
    FILES.into_iter().fold(Router::new(), file).with_state(Arc::clone(shared))
}
