import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { credential, type Caller, type TestServer } from './test-server.ts';

export interface ToolAnswer {
  readonly isError: boolean;
  /** The structured content of the answer. Its type is `any`, because each test expects another shape. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an answer's shape is what a test is about.
  readonly json: any;
  readonly text: string;
}

/** An MCP client of the SDK, connected to a server. */
export class McpClient {
  readonly client = new Client({ name: 'proofhouse-tests', version: '1' });
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  static async overHttp(t: TestServer, as: Caller = 'admin', basePath = ''): Promise<McpClient> {
    const url = new URL(`http://127.0.0.1:${await t.listen()}${basePath}/mcp`);
    const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers: credential(as) } });
    return new McpClient(transport).connect();
  }

  async connect(): Promise<this> {
    await this.client.connect(this.transport);
    // The SDK validates an answer against the output schema of its tool only if the tools were listed before. So the
    // tools are listed first.
    await this.client.listTools();
    return this;
  }

  async call(name: string, args: Record<string, unknown> = {}, signal?: AbortSignal): Promise<ToolAnswer> {
    const result = await this.client.callTool(
      { name, arguments: args },
      undefined,
      signal === undefined ? {} : { signal },
    );
    const [content] = result.content as { type: string; text: string }[];
    return { isError: result.isError === true, json: result.structuredContent, text: content?.text ?? '' };
  }

  close(): Promise<void> {
    return this.client.close();
  }
}
