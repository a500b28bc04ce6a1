import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A network between a server and its database: forwards connections until it stops forwarding. */
export class TestNetwork {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(url: string, server: Server, sockets: ReadonlySet<Socket>) {
    this.url = url;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async before(databaseUrl: string): Promise<TestNetwork> {
    const url = new URL(databaseUrl);
    const port = Number(url.port);
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect(port, url.hostname);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url.port = String((server.address() as AddressInfo).port);
    return new TestNetwork(url.href, server, sockets);
  }

  /** Existing connections stay open and forward nothing from now on; new ones work. */
  fallSilent(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
