//! Mounts the page, or the embed if the document says so.

fn main() {
    let embed = gloo::utils::body().has_attribute("data-embed");
    web::root::mount(embed, None);
}
