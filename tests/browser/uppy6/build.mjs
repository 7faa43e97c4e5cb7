/** Puts page.html and page.js into a folder: `npm ci && node build.mjs FOLDER`. Only the tests serve them. */
import { build } from 'esbuild'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const folder = path.resolve(process.argv[2])

await build({
  absWorkingDir: here, entryPoints: ['page.js'], outfile: path.join(folder, 'page.js'),
  bundle: true, format: 'esm', target: ['chrome109'], legalComments: 'none', charset: 'utf8', logLevel: 'warning',
})
await writeFile(
  path.join(folder, 'page.html'),
  '<!doctype html><meta charset="utf-8"><title>Uppy 6</title><link rel="icon" href="data:,"><input type="file" multiple><script type="module" src="page.js"></script>',
)
