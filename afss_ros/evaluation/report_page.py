"""The template of the HTML report (jinja2)."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ d.model }} on {{ d.data }}</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; background: #10131a; color: #dfe4ee; margin: 2rem auto;
         max-width: 1500px; padding: 0 1rem; }
  h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2.2rem }
  table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .25rem .9rem; text-align: right;
         border-bottom: 1px solid #2a3040 } td:first-child, th:first-child { text-align: left }
  th { color: #93a0b8; font-weight: 500 } .facts { color: #93a0b8; overflow-wrap: anywhere }
  .case { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px; margin-bottom: 1.2rem }
  .case figcaption { grid-column: 1 / -1; color: #93a0b8 } img { width: 100%; border-radius: 3px; display: block }
  .swatch { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; border-radius: 2px }
</style>
<h1>{{ d.model }} on {{ d.data }}{% if d.split %}, {{ d.split }}{% endif %}</h1>
<p class="facts">{{ d.family }}, {{ d.provider }}, sha256 {{ d.model_sha256 }}<br>
{{ d.images }} images, {{ d.problems | length }} unusable; test-time augmentation: {{ d.tta }};
detections from score {{ d.score_threshold }}; {{ d.producer }}</p>
<table>
<tr><th>class<th>IoU pooled<th>95 %<th>IoU per image<th>Dice pooled<th>Dice per image</tr>
{% for name in segmentation %}{% set bounds = d.intervals_95[name ~ "_iou"] %}
<tr><td>{{ name | replace("_", " ") }}<td>{{ d[name ~ "_iou"] | figure }}
<td>{% if bounds %}{{ bounds[0] | figure(2) }} to {{ bounds[1] | figure(2) }}{% endif %}
<td>{{ d[name ~ "_iou_per_image"] | figure }}<td>{{ d[name ~ "_dice"] | figure }}
<td>{{ d[name ~ "_dice_per_image"] | figure }}</tr>
{% endfor %}</table>
{% for names in (detection, cost) %}<table><tr>{% for n in names %}<th>{{ n | replace("_", " ") }}{% endfor %}</tr>
<tr>{% for n in names %}<td>{{ d[n] | figure }}{% endfor %}</tr></table>{% endfor %}
{% for grouping, groups in d.strata.items() %}<h2>By {{ grouping }}</h2><table>
<tr><th>{{ grouping }}<th>images<th>whole IoU<th>body IoU<th>panel IoU<th>box AP<th>mean box IoU</tr>
{% for group, f in groups.items() %}<tr><td>{{ group }}<td>{{ f.images | figure(0) }}<td>{{ f.whole_iou | figure }}
<td>{{ f.body_iou | figure }}<td>{{ f.panel_iou | figure }}<td>{{ f.box_ap | figure }}
<td>{{ f.mean_box_iou | figure }}</tr>{% endfor %}</table>{% endfor %}
{% for title, cases in sections %}{% if cases %}<h2>{{ title }}</h2>
<p class="facts">Image, truth, student.{% for name, color in legend %}
<span class="swatch" style="background: {{ color }}"></span>{{ name }}{% endfor %}</p>
{% for case in cases %}<figure class="case" style="margin: 0 0 1.2rem">
<figcaption>{{ case.key }}, IoU {{ case.quality | figure }}</figcaption>
{% for picture in case.pictures %}<img src="{{ picture }}" alt="">{% endfor %}</figure>
{% endfor %}{% endif %}{% endfor %}
{% if d.problems %}<h2>Unusable</h2><ul>{% for p in d.problems %}<li>{{ p }}{% endfor %}</ul>{% endif %}
</html>
"""
