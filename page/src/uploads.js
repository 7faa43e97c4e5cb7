import { Refused } from './api.js'
import { say } from './notices.js'
import { AwsS3, Dashboard, DropTarget, GoldenRetriever, Uppy } from './uppy.js'

const MIB = 1024 * 1024
const KEPT = { maxFileSize: 2048 * MIB, maxTotalSize: 4096 * MIB } // bytes of files kept over a reload, where the browser has the space
const ROOM = { empty: 160, busy: 280 } // pixels of height
const OPEN = ['created', 'uploading', 'completing']

/**
 * Stock Uppy over the upload protocol. `place()` returns where new files go; `landed(id, name)` is called when a file's bytes are in the store.
 * Files and sessions are kept per organization, so that a key never resumes uploads of another organization.
 */
export function uploads(get, { key, organization, place, landed }) {
  const uppy = new Uppy({
    id: `vitrine-${organization}`,
    autoProceed: true,
    onBeforeFileAdded(file) {
      const { collection, path } = place()
      file.meta = { ...file.meta, datasetId: collection, path: path === collection ? null : path, size: file.size }
      return file
    },
  })
  uppy.use(Dashboard, {
    target: '#uploader', inline: true, width: '100%', height: ROOM.empty, theme: 'auto', fileManagerSelectionType: 'both',
    proudlyDisplayPoweredByUppy: false, showLinkToFileUploadResult: false,
  })
  uppy.use(DropTarget, { target: document.body })
  uppy.use(AwsS3, {
    endpoint: `${location.origin}/api/upload`,
    headers: { 'x-api-key': key },
    allowedMetaFields: ['name', 'relativePath', 'datasetId', 'path', 'size'],
  })
  uppy.use(GoldenRetriever, { indexedDB: KEPT })

  uppy.on('state-update', (before, after) => {
    const height = Object.keys(after.files).length ? ROOM.busy : ROOM.empty
    const dashboard = uppy.getPlugin('Dashboard')
    if (dashboard.opts.height !== height) dashboard.setOptions({ height })
  })

  // Uploads that a reload interrupted resume by themselves. Uppy asks for files that the browser could not keep.
  uppy.on('restored', () => {
    const files = uppy.getFiles()
    if (files.length && files.every((file) => !file.isGhost)) uppy.emit('restore-confirmed')
  })

  uppy.on('upload-success', (file, answer) => {
    say(null, { about: file.id })
    landed(answer.body.mediaId ?? answer.body.key, file.name)
  })

  uppy.on('upload-error', async (file, error) => {
    if (!file) return
    say(`${file.name} was not uploaded: ${inWords(error)}`, { about: file.id })
    const session = file.s3Multipart ?? uppy.getFile(file.id)?.s3Multipart
    if (!session?.uploadId) return
    const status = await get('/api/upload', { key: session.key }).catch((refused) => (refused instanceof Refused && refused.status === 404 ? { state: 'expired' } : null))
    if (!status || OPEN.includes(status.state) || !uppy.getFile(file.id)) return
    uppy.setFileState(file.id, { s3Multipart: {} }) // the session has ended: a retry begins another one
    if (['stored', 'processing', 'ready'].includes(status.state)) landed(status.mediaId, file.name)
  })
  uppy.on('file-removed', (file) => say(null, { about: file.id }))

  // Finished uploads are not listed, since they are in the grid.
  uppy.on('complete', ({ failed }) => {
    if (!failed.length) setTimeout(tidy, 2500)
  })
  function tidy() {
    const previews = uppy.getPlugin('Dashboard:ThumbnailGenerator')
    if (previews?.queueProcessing) { // Uppy's queue of previews stops for good when a file is removed meanwhile
      uppy.once('thumbnail:all-generated', tidy)
      return
    }
    const files = uppy.getFiles()
    if (files.every((file) => file.progress.uploadComplete)) uppy.removeFiles(files.map((file) => file.id))
  }

  return { stop: () => uppy.destroy() }
}

/** Why an upload failed: the server's sentence, the store's, or a general one without either. */
function inWords(error) {
  if (error.name === 'UserFacingApiError' || error.isAuthError) return error.message
  const stored = /<Message>(.*?)<\/Message>/.exec(error.source?.responseText ?? '')?.[1]
  if (stored) return stored
  if (!navigator.onLine || error.isNetworkError || error.cause?.isNetworkError || error.source?.status === 0) return 'the connection was lost. Try again once it is back.'
  const status = error.source?.status ?? error.cause?.statusCode
  return WORDS[status] ?? (status ? `the server answered ${status}.` : error.message)
}

// For answers whose sentence Uppy does not read.
const WORDS = {
  403: 'this key may not upload here.',
  404: 'the folder is not there any more.',
  413: 'it is larger than allowed, or the storage is full.',
  429: 'too many requests. Try again in a while.',
  503: 'the server is busy. Try again in a while.',
}
