import { it } from 'vitest';
import { blobBackendContract, expectCode, putBlob, randomBlobKey } from '../../blob-backend.contract.ts';
import { MemoryBackend } from './memory-backend.ts';

blobBackendContract('memory', async () => ({ backend: new MemoryBackend(), cleanup: async () => undefined }));

it('the memory limit counts blobs and open writers, and is freed by delete and abort', async () => {
  const backend = new MemoryBackend({ maxBytes: 10 });
  await backend.open();
  const key = randomBlobKey();
  await putBlob(backend, key, Buffer.alloc(6));
  const writer = await backend.create(randomBlobKey());
  await writer.write(Buffer.alloc(4));
  await expectCode(writer.write(Buffer.alloc(1)), 'storage_full');
  await writer.abort();
  await expectCode(putBlob(backend, key, Buffer.alloc(4)), 'already_exists');
  await backend.delete(key);
  await putBlob(backend, key, Buffer.alloc(10));
});
