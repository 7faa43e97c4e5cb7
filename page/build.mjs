/**
 * Builds what functions/show_page, show_docs and show_device serve, from this folder and the locked packages:
 *
 *     npm ci && node build.mjs
 *
 * The same sources and lock give the same bytes on every machine. File names carry a hash of their content, so browsers may keep them
 * for ever; the .html files name them. Our code and third-party code are separate files: a change of ours renames a few kilobytes.
 */
import { build } from 'esbuild'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const packages = path.join(here, 'node_modules')
const TARGETS = ['chrome109', 'edge109', 'firefox115', 'safari16']

process.chdir(here)
const icon = await readFile('src/favicon.svg', 'utf8')
await page(path.join(here, '../functions/show_page/assets'))
await docs(path.join(here, '../functions/show_docs/assets'))
await device(path.join(here, '../functions/show_device/assets'))

async function page(folder) {
  await empty(folder)
  const uppy = await bundled('src/uppy.js', folder)
  const own = await bundled('src/page.js', folder, { name: './uppy.js', path: `./${uppy.script}` })
  await html('src/page.html', path.join(folder, 'page.html'), {
    'page.css': own.style, 'uppy.css': uppy.style, 'uppy.js': uppy.script, 'page.js': own.script,
  })
  await writeFile(path.join(folder, 'favicon.svg'), icon)   // for documents that name no icon
  await writeFile(path.join(folder, 'LICENSES.txt'), await licences([...uppy.packages, ...own.packages]))
}

async function docs(folder) {
  await empty(folder)
  const viewer = path.join(packages, 'swagger-ui-dist')
  const names = {}
  for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js']) {
    const text = (await readFile(path.join(viewer, name), 'utf8')).replace(/\n?(\/\/|\/\*)# sourceMappingURL=\S+( \*\/)?\s*$/, '\n')
    names[name] = await kept(folder, name, text)
  }
  const own = await bundled('src/docs.js', folder)
  await html('src/docs.html', path.join(folder, 'docs.html'), { ...names, 'docs.js': own.script, 'docs.css': own.style })
  const inside = await readFile(path.join(viewer, 'swagger-ui-bundle.js.LICENSE.txt'), 'utf8')   // licences of the packages inside the viewer
  await writeFile(path.join(folder, 'LICENSES.txt'), (await licences(['swagger-ui-dist'])) + inside)
}

async function device(folder) {
  await empty(folder)
  const own = await bundled('src/device.js', folder)
  await html('src/device.html', path.join(folder, 'device.html'), { 'device.css': own.style, 'device.js': own.script })
}

/** Build one script and one style sheet from an entry point. `apart` is an import that is not bundled, under another path. */
async function bundled(entry, folder, apart) {
  const made = await build({
    entryPoints: [entry], outdir: folder, bundle: true, minify: true, format: 'esm', target: TARGETS, write: false, metafile: true,
    legalComments: 'none', charset: 'utf8', logLevel: 'warning',
    plugins: apart ? [{ name: 'apart', setup: (on) => on.onResolve({ filter: /^\.\/uppy\.js$/ }, () => ({ path: apart.path, external: true })) }] : [],
  })
  const found = { packages: packagesOf(Object.keys(made.metafile.inputs)) }
  for (const file of made.outputFiles) {
    const kind = file.path.endsWith('.css') ? 'style' : 'script'
    found[kind] = await kept(folder, path.basename(file.path), file.text)
  }
  return found
}

/** Write the text to the folder and return its file name. */
async function kept(folder, name, text) {
  const { name: stem, ext } = path.parse(name)
  const hashed = `${stem}.${createHash('sha256').update(text).digest('hex').slice(0, 12)}${ext}`
  await writeFile(path.join(folder, hashed), text)
  return hashed
}

async function html(from, to, names) {
  let text = await readFile(from, 'utf8')
  const drawn = `data:image/svg+xml,${icon.trim().replaceAll('"', "'").replace(/[<>#]/g, encodeURIComponent)}`
  for (const [name, hashed] of Object.entries({ ...names, 'favicon.svg': drawn })) {
    if (!text.includes(`{${name}}`)) throw new Error(`${from} does not use ${name}`)
    text = text.replaceAll(`{${name}}`, hashed)
  }
  await writeFile(to, text)
}

function packagesOf(inputs) {
  const names = inputs.map((input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]).filter(Boolean)
  return [...new Set(names)]
}

async function licences(names) {
  const texts = []
  for (const name of [...new Set(names)].sort()) {
    const folder = path.join(packages, name)
    const { version, license, homepage, repository, author } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'))
    const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort()
    const said = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')))
    const where = homepage ?? (typeof repository === 'string' ? repository : repository?.url) ?? ''
    const by = typeof author === 'string' ? author : author?.name
    texts.push(`${name} ${version} (${license}) ${where}\n${said.length ? '' : `by ${by ?? 'its contributors'}\n`}\n${said.map((text) => text.trim()).join('\n\n')}\n`)
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}

async function empty(folder) {
  if (existsSync(folder)) for (const file of await readdir(folder)) await rm(path.join(folder, file))
  await mkdir(folder, { recursive: true })
}
