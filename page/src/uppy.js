// Third-party code, in one file of its own.
import '@uppy/core/css/style.min.css'
import '@uppy/dashboard/css/style.min.css'

export { default as AwsS3 } from '@uppy/aws-s3'
export { default as Uppy } from '@uppy/core'
export { default as Dashboard } from '@uppy/dashboard'
export { default as DropTarget } from '@uppy/drop-target'
export { default as GoldenRetriever } from '@uppy/golden-retriever'
export { thumbHashToDataURL } from 'thumbhash'
