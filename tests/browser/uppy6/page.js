// Stock Uppy 6 as a page has it that asks nobody's leave: one option, no header of its own, and the browser's cookie.
import AwsS3 from '@uppy/aws-s3'
import { Uppy } from '@uppy/core'

/** What became of these files, once it is known. */
window.upload = async (companionEndpoint) => {
  const uppy = new Uppy({ id: 'six' })
  uppy.use(AwsS3, { companionEndpoint })
  for (const file of document.querySelector('input').files) uppy.addFile({ name: file.name, type: file.type, data: file })
  const { successful, failed } = await uppy.upload()
  return {
    version: AwsS3.VERSION,
    successful: successful.map(({ name, response }) => ({ name, location: response.uploadURL, key: response.body.key })),
    failed: failed.map(({ name, error }) => ({ name, error })),
  }
}
