import { Client, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client';
import { credential, type Caller, type TestServer } from './test-server.ts';

/** Returns a connected client of protocol version 2026-07-28. */
export async function modernMcpClient(transport: Transport): Promise<Client> {
  const client = new Client({ name: 'proofhouse-tests', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(transport);
  return client;
}

export async function modernMcpOverHttp(t: TestServer, as: Caller = 'admin'): Promise<Client> {
  const url = new URL(`http://127.0.0.1:${await t.listen()}/mcp`);
  return modernMcpClient(new StreamableHTTPClientTransport(url, { requestInit: { headers: credential(as) } }));
}
