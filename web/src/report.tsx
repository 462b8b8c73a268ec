import "./components/pixels.css";
import { render } from "preact";

const place = document.getElementById("samples");
if (place) render(null, place);
