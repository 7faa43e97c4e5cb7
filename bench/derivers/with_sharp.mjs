// Make frame and thumbnail with sharp, the thumbnail from the frame's pixels. It is 50 % slower to read the file twice,
// or to encode both in one pipeline.
import { createInterface } from 'node:readline'
import sharp from 'sharp'

const [FRAME_EDGE, THUMBNAIL_EDGE] = process.argv.slice(2).map(Number)
const within = (edge) => ({ width: edge, height: edge, fit: 'inside', withoutEnlargement: true })
const shape = ({ info }) => [info.width, info.height, info.size]
const whole = { resolveWithObject: true }

sharp.concurrency(1)
sharp.cache(false)
console.log('ready')
for await (const path of createInterface({ input: process.stdin })) {
  const { data, info } = await sharp(path, { failOn: 'truncated' }).autoOrient().resize(within(FRAME_EDGE)).raw().toBuffer(whole)
  const raw = { raw: { width: info.width, height: info.height, channels: info.channels } }
  const frame = await sharp(data, raw).jpeg({ quality: 80, progressive: true }).toBuffer(whole)
  const thumbnail = await sharp(data, raw).resize(within(THUMBNAIL_EDGE)).webp({ quality: 80, effort: 4 }).toBuffer(whole)
  console.log(JSON.stringify({ frame: shape(frame), thumbnail: shape(thumbnail) }))
}
