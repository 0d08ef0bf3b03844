//! Mounts the page, or the embed if the document says so.

fn main() {
    let body = gloo::utils::document().body();
    let embed = body.as_ref().is_some_and(|b| b.has_attribute("data-embed"));
    let place = gloo::utils::document().get_element_by_id("app");
    let place = place.unwrap_or_else(|| gloo::utils::body().into());
    place.set_inner_html("");
    yew::Renderer::<web::root::Root>::with_root_and_props(place, web::root::Props { embed }).render();
}
