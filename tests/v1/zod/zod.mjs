// The contract's schemas in zod itself. Reads lines of [schema, input], where the input is a body's JSON or a query as in a URL;
// writes for each a line with JSON text as a string: {"issues": [...]} or {"data": {...}}.

import { createInterface } from "node:readline";
import { z } from "zod";

const described = {
  title: z.string().max(255).nullable().optional(),
  alt: z.string().max(500).nullable().optional(),
  caption: z.string().max(1000).nullable().optional(),
};
const pixels = z.number().int().positive().max(2 ** 31 - 1).nullable().optional();

const schemas = {
  CreateMedia: z.object({
    url: z.string().url({ protocol: /^https?$/, message: "Invalid URL format" }).max(2048),
    filename: z.string().min(1).max(255),
    fileSize: z.number().int().positive(),
    mimeType: z.string().min(1).max(255),
    width: pixels,
    height: pixels,
    ...described,
    import: z.boolean().optional(),
  }),
  UpdateMedia: z.object(described),
  AddTag: z.object({ tagId: z.string().min(1).max(100) }),
  SetTags: z.object({ tagIds: z.array(z.string().min(1).max(100)).max(500) }),
  ListQuery: z.object({
    limit: z.coerce.number().int().min(1).max(100).optional(),
    offset: z.coerce.number().int().min(0).optional(),
    orderBy: z.enum(["createdAt", "filename", "fileSize"]).optional(),
    orderDir: z.enum(["asc", "desc"]).optional(),
    type: z.enum(["image", "video", "all"]).optional(),
    search: z.string().max(500).optional(),
    tagIds: z.string().max(4000).optional(),
    tagSlugs: z.string().max(4000).optional(),
  }),
};

function validated(name, input) {
  const value = name === "ListQuery" ? Object.fromEntries(new URLSearchParams(input)) : JSON.parse(input);
  const result = schemas[name].safeParse(value);
  if (result.success) return { data: result.data };
  // Our API accepts http and https alone. It answers another scheme as any other invalid URL, without zod's fields about protocols.
  return { issues: result.error.issues.map((issue) => (issue.note === "Invalid protocol" ? without(issue, "note", "pattern") : issue)) };
}

function without(issue, ...names) {
  return Object.fromEntries(Object.entries(issue).filter(([name]) => !names.includes(name)));
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(JSON.stringify(validated(...JSON.parse(line)))) + "\n");
}
