// The API's own description, shown without anybody else's program.

import { ask } from "./api.js";
import { badge, failed, h, replace, table } from "./dom.js";

const main = document.getElementById("main");

function operation(path, method, said) {
  const answers = Object.entries(said.responses ?? {});
  return h("section", { class: "card" }, h("h2", {}, badge(method.toUpperCase()), " ", h("code", {}, path)), h("p", {}, said.summary ?? ""), h("p", { class: "soft" }, said.description ?? ""),
    said.parameters?.length ? table("Parameters", [["name", ""], ["in", ""], ["type", ""], ["what", ""]], said.parameters.map((one) => [h("code", {}, one.name), one.in, type(one.schema), one.description ?? one.schema?.description ?? ""])) : null,
    said.requestBody && example("What is sent", Object.values(said.requestBody.content ?? {})[0]),
    table("Answers", [["status", ""], ["what", ""]], answers.map(([status, one]) => [status, [one.description, example("Example", Object.values(one.content ?? {})[0])]])));
}

function type(schema = {}) {
  return schema.type ?? (schema.anyOf ?? []).map((one) => one.type ?? one.$ref?.split("/").at(-1)).join(" or ") ?? "";
}

let schemas = {};

function example(title, content) {
  const named = schemas[content?.schema?.$ref?.split("/").at(-1)];
  const shown = content?.example ?? content?.examples ?? named?.examples?.[0] ?? named?.properties;
  return shown === undefined ? null : h("details", {}, h("summary", {}, title), h("pre", { tabindex: "0" }, typeof shown === "string" ? shown : JSON.stringify(shown, null, 1)));
}

try {
  const { paths, components } = await ask("/openapi.json");
  schemas = components?.schemas ?? {};
  replace(main, Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, said]) => operation(path, method, said))));
} catch (error) {
  failed(main, error);
}
