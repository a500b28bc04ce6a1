import { describe, expect, it } from 'vitest';
import { parseAllowedHost } from '../kernel/host-name.ts';
import { requireSameOrigin, type HostPolicy } from './same-origin.ts';

const local: HostPolicy = { boundHost: '127.0.0.1', publicUrl: undefined, allowedHosts: [] };
const named: HostPolicy = { ...local, publicUrl: 'https://work.example.com/proof' };
const everywhere: HostPolicy = { ...local, boundHost: '0.0.0.0' };
const byIpv6: HostPolicy = { ...local, boundHost: '::', publicUrl: 'http://[fd00::1]:8750' };

function allowing(...entries: string[]): HostPolicy {
  return { ...local, allowedHosts: entries.map((entry) => parseAllowedHost(entry) ?? expect.fail(entry)) };
}

describe('the Host', () => {
  it.each([
    [local, 'localhost'],
    [local, 'LOCALHOST:8750'],
    [local, '127.0.0.1'],
    [local, '127.0.0.1:1'],
    [local, '127.8.8.8:8750'],
    [local, '[::1]:8750'],
    [local, 'localhost.:8750'],
    [local, '[0:0:0:0:0:0:0:1]'],
    [{ ...local, boundHost: 'build-box' }, 'Build-Box:8750'],
    [named, 'work.example.com'],
    [named, 'work.example.com:443'],
    [named, 'WORK.example.com'],
    [everywhere, '10.1.2.3:8750'],
    [everywhere, '[fe80::1]:8750'],
    [byIpv6, '[fd00::1]:8750'],
    [{ ...byIpv6, boundHost: '127.0.0.1' }, '[fd00::1]:8750'],
  ])('of %j may be %s', (policy, host) => {
    expect(() => requireSameOrigin(policy, host, undefined)).not.toThrow();
  });

  it.each([
    [local, undefined],
    [local, ''],
    [local, 'evil.example'],
    [local, 'localhost.evil.example'],
    [local, '127.0.0.1.evil.example:8750'],
    [local, 'evil.example:8750@127.0.0.1'],
    [local, '10.1.2.3'],
    [local, '0.0.0.0:8750'],
    [local, '127.1'],
    [local, '2130706433'],
    [local, '[::ffff:10.0.0.1]'],
    [local, 'localhost:8750:1'],
    [named, 'example.com'],
    [named, 'work.example.com.evil.example'],
    [everywhere, 'rebound.example:8750'],
  ])('of %j may not be %s', (policy, host) => {
    expect(() => requireSameOrigin(policy, host, undefined)).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });
});

describe('the Origin', () => {
  it.each([
    [local, 'localhost:8750', 'http://localhost:8750'],
    [local, 'LocalHost:8750', 'http://localhost:8750'],
    [local, 'localhost:80', 'http://localhost'],
    [allowing('a.example'), 'a.example', 'https://a.example'],
    [local, '[::1]:8750', 'http://[::1]:8750'],
    [named, 'work.example.com', 'https://work.example.com'],
    [named, 'localhost:8750', 'https://work.example.com'],
  ])('of %j at %s may be %s', (policy, host, origin) => {
    expect(() => requireSameOrigin(policy, host, origin)).not.toThrow();
  });

  it.each([
    [local, 'localhost:8750', 'null'],
    [local, 'localhost:8750', ''],
    [local, 'localhost:8750', 'http://localhost'],
    [local, 'localhost:8750', 'http://localhost:9999'],
    [local, 'localhost:8750', 'http://127.0.0.1:8750'],
    [local, 'localhost:8750', 'https://evil.example'],
    [local, 'localhost:8750', 'http://localhost:8750.evil.example'],
    [named, 'localhost:8750', 'http://work.example.com'],
    [allowing('.example'), 'a.example', 'https://b.example'],
  ])('of %j at %s may not be %s', (policy, host, origin) => {
    expect(() => requireSameOrigin(policy, host, origin)).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });
});

describe('an entry of the allowed hosts', () => {
  it.each([
    ['work.example.org', 'work.example.org'],
    ['work.example.org', 'WORK.example.org.:8750'],
    ['Work.Example.Org.', 'work.example.org:1'],
    ['work.example.org:8750', 'work.example.org:8750'],
    ['work.example.org:443', 'work.example.org'],
    ['work.example.org:80', 'work.example.org'],
    ['.example.org', 'a.example.org'],
    ['.example.org', 'a.b.EXAMPLE.org:8750'],
    ['.example.org', 'example.org'],
    ['.example.org:8750', 'a.example.org:8750'],
    ['10.0.0.7', '10.0.0.7:8750'],
    ['[fd00::1]:8750', '[FD00::1]:8750'],
    ['fd00::1', '[fd00:0:0::1]'],
    ['my_service', 'my_service:8750'],
    ['münchen.example', 'xn--mnchen-3ya.example'],
    ['xn--mnchen-3ya.example', 'XN--mnchen-3ya.example'],
  ])('%s accepts %s', (entry, host) => {
    expect(() => requireSameOrigin(allowing(entry), host, undefined)).not.toThrow();
  });

  it.each([
    ['work.example.org', 'a.work.example.org'],
    ['work.example.org', 'work.example.org.evil.example'],
    ['work.example.org:8750', 'work.example.org:8751'],
    ['work.example.org:8750', 'work.example.org'],
    ['.example.org', 'evilexample.org'],
    ['.example.org', 'example.org.evil.example'],
    ['.example.org', '.example.org'],
    ['.example.org', 'a..example.org'],
    ['.example.org:8750', 'a.example.org'],
    ['[fd00::1]:8750', '[fd00::1]:1'],
    ['fd00::1', '[fd00::2]'],
  ])('%s does not accept %s', (entry, host) => {
    expect(() => requireSameOrigin(allowing(entry), host, undefined)).toThrow(/PROOFHOUSE_ALLOWED_HOSTS/);
  });

  it.each([
    '*',
    '*.example.org',
    'https://a.example',
    'a.example/path',
    'a b',
    'a@b',
    '.',
    '..a',
    'a..b',
    '.10.0.0.7',
    'a:b',
    '',
  ])('may not be %j', (entry) => {
    expect(parseAllowedHost(entry)).toBeUndefined();
  });
});

describe('the Origin of a server that is reached by https', () => {
  it.each([
    ['work.example.com', 'https://work.example.com', true],
    ['work.example.com', 'http://work.example.com', false],
    ['work.example.com:80', 'http://work.example.com', false],
    ['localhost:8750', 'http://localhost:8750', true],
    ['localhost:8750', 'http://work.example.com', false],
  ])('under the Host %s is %s: %s', (host, origin, isOurs) => {
    const call = (): void => {
      requireSameOrigin(named, host, origin);
    };
    if (isOurs) expect(call).not.toThrow();
    else expect(call).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });
});
