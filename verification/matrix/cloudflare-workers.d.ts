// The used part of workerd's own module, whose types clash with those of Node.
declare module "cloudflare:workers" {
  export const env: object
}
