declare module "mnist-test-images" {
  const url: string;
  export default url;
}
declare module "mnist-test-labels" {
  const url: string;
  export default url;
}
declare module "palette.css";
