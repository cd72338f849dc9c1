// htmx makes fragments from what our own server answered. HTML may be made; scripts, their addresses and code never.
window.trustedTypes?.createPolicy("default", { createHTML: (html) => html });
