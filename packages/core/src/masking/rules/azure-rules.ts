import { makeExample } from '../make-example.ts';
import { isPlaceholder } from '../placeholder-words.ts';
import type { SecretRule } from '../secret-rule.ts';

const accountKey = makeExample('base64', 86) + '==';
const sharedKey = makeExample('base64', 43) + '=';
const signature = makeExample('base62', 42) + '%2B' + makeExample('base62', 0) + '%3D';
const clientSecret = 'aB3' + '8Q~' + makeExample('base62', 34);

const accepts = (secret: string): boolean => !isPlaceholder(secret);

/** Rules for keys of Azure. */
export const azureRules: readonly SecretRule[] = [
  {
    id: 'azure-connection-key',
    class: 'structured',
    keywords: ['accountkey', 'sharedaccesskey', 'accesskey='],
    pattern:
      /(?:AccountKey|SharedAccessKey|AccessKey)[\\"']{0,4}\s{0,4}[=:]\s{0,4}[\\"']{0,4}(?<secret>[A-Za-z0-9+/]{43,86}={1,2})/dy,
    maxLength: 160,
    minEntropy: 3.5,
    accepts,
    examples: {
      matches: [
        {
          text: `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${accountKey};EndpointSuffix=b`,
          secret: accountKey,
        },
        { text: `Endpoint=sb://a/;SharedAccessKeyName=b;SharedAccessKey=${sharedKey}`, secret: sharedKey },
      ],
      ignores: ['AccountKey=<key>', 'SharedAccessKeyName=RootManageSharedAccessKey', `AccountKey=${'A'.repeat(86)}==`],
    },
  },
  {
    id: 'azure-shared-access-signature',
    class: 'structured',
    keywords: ['sig='],
    pattern: /(?<=[?&;"' ])sig=(?<secret>(?:[A-Za-z0-9+/_-]|%(?:2[bBfF]|3[dD])){43,100}={0,2})/dy,
    maxLength: 320,
    minEntropy: 3.5,
    accepts,
    examples: {
      matches: [
        { text: `https://a.blob.core.windows.net/b?sv=2024-01-01&sig=${signature}&se=2026`, secret: signature },
      ],
      ignores: ['?sig=abc', 'const sig=signatureOf(text)'],
    },
  },
  {
    id: 'azure-client-secret',
    class: 'structured',
    keywords: ['0q~', '1q~', '2q~', '3q~', '4q~', '5q~', '6q~', '7q~', '8q~', '9q~'],
    lead: 3,
    pattern: /(?<=[A-Za-z0-9_~.-]{3})\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~])/dy,
    maxLength: 40,
    minEntropy: 3.5,
    accepts,
    examples: {
      matches: [{ text: `AZURE_CLIENT_SECRET=${clientSecret}`, secret: clientSecret }],
      ignores: ['8Q~short', `abc8Q~${'x'.repeat(34)}`],
    },
  },
  {
    id: 'azure-function-key',
    class: 'structured',
    keywords: ['code='],
    pattern: /(?<=[?&])code=(?<secret>[A-Za-z0-9_-]{40,64}(?:==|%3D%3D))/dy,
    maxLength: 80,
    minEntropy: 3.5,
    accepts,
    examples: {
      matches: [
        {
          text: `/api/run?code=${accountKey.replaceAll(/[+/]/g, '_').slice(34)}`,
          secret: accountKey.replaceAll(/[+/]/g, '_').slice(34),
        },
      ],
      ignores: ['?code=200', '?code=authorization-code'],
    },
  },
];
