/* SPDX-License-Identifier: MIT */
/* The script of every page: see frame.h. It holds neither "<" nor "&", so that the page stays XML,
 * and touches nothing outside the page.
 *
 *   tables in .scroll     a click on a heading sorts by it: up, down, as it was. Columns of numbers
 *                         by number; names in the table's order, which is the run's.
 *   svg with <title>s     the text of the nearest one, within 24 pixels of the pointer
 *   path with data-y      dots without titles: the value at their height, by the panel's axis
 *   .slide                its children one at a time, chosen by a slider
 *   [data-copy]           a button with that text, which copies what the element says */
#include "analysis/report/frame.h"

const char fus_frame_script[] =
    "(function(){'use strict';\n"
    "var D=document;\n"
    "function all(s,e){return [].slice.call((e||D).querySelectorAll(s));}\n"
    "function make(t,c,x){var e=D.createElement(t);e.className=c;e.textContent=x||'';return e;}\n"
    /* ---- tables ---- */
    "var NUMBER=/^\\s*(?:p )?[\\x3c=]?\\s*([-\\u2212]?)((?:\\d[\\d,]*)?\\.?\\d+)/;\n"
    "function words(c){return c.textContent.trim();}\n"
    "function missing(t){return /^(\\u2013|undefined|)$/.test(t);}\n"
    "function number(t){var m=NUMBER.exec(t);\n"
    " return m?(m[1]?-1:1)*parseFloat(m[2].replace(/,/g,'')):null;}\n"
    "function keys(rows,i){var seen=[],t=rows.map(function(r){return r.cells[i]?words(r.cells[i]):'';});\n"
    " var n=t.every(function(x){return missing(x)||number(x)!==null;});\n"
    " return t.map(function(x){if(missing(x))return null;if(n)return number(x);\n"
    "  if(0>seen.indexOf(x))seen.push(x);return seen.indexOf(x);});}\n"
    "function sort(table,rows,i,way){var k=keys(rows,i);\n"
    " var order=rows.map(function(r,at){return at;});\n"
    " if(way)order.sort(function(a,b){if(k[a]===k[b])return a-b;if(k[a]===null)return 1;\n"
    "  if(k[b]===null)return -1;return way*(k[a]-k[b])||a-b;});\n"
    " order.forEach(function(at){table.tBodies[0].appendChild(rows[at]);});}\n"
    "all('.scroll table').forEach(function(table){\n"
    " var head=table.tHead?table.tHead.rows:[],rows=table.tBodies[0]?[].slice.call(table.tBodies[0].rows):[];\n"
    " if(head.length!==1||3>rows.length)return;\n"
    " [].slice.call(head[0].cells).forEach(function(th,i){\n"
    "  if(!rows.some(function(r){return r.cells[i]?words(r.cells[i]):false;}))return;\n"
    "  var b=make('button','sort',words(th)),way=0;b.type='button';b.title='sort';th.textContent='';\n"
    "  th.appendChild(b);b.addEventListener('click',function(){\n"
    "   var last=th.getAttribute('aria-sort');way=last==='ascending'?-1:last==='descending'?0:1;\n"
    "   all('th[aria-sort]',table).forEach(function(x){x.removeAttribute('aria-sort');});\n"
    "   if(way)th.setAttribute('aria-sort',way>0?'ascending':'descending');sort(table,rows,i,way);});});});\n"
    /* ---- values at the pointer ---- */
    "var tip=make('div','tip'),ring=null;tip.hidden=true;D.body.appendChild(tip);\n"
    "function dots(svg){var list=[];all('path[data-y]',svg).forEach(function(p){\n"
    "  var y=p.getAttribute('data-y').split(' ').map(Number),name=p.getAttribute('data-n');\n"
    "  var r=/M([-\\d.]+),([-\\d.]+)h0/g,m;\n"
    "  while((m=r.exec(p.getAttribute('d'))))list.push({x:+m[1],y:+m[2],text:name+': '+\n"
    "   String((y[0]+(m[2]-y[2])/(y[3]-y[2])*(y[1]-y[0])).toPrecision(3)).replace('-','\\u2212')});});return list;}\n"
    "function titles(svg){return all('title',svg).filter(function(t){return t.parentNode!==svg;}).map(function(t){\n"
    " var e=t.parentNode,text=t.textContent;e.removeChild(t);return {e:e,text:text};});}\n"
    "function marks(svg){if(!svg.marks)svg.marks=titles(svg).concat(dots(svg));\n"
    " return svg.marks;}\n"
    "function place(svg,m){if(m.e){var r=m.e.getBoundingClientRect();return r;}\n"
    " var at=svg.createSVGPoint();at.x=m.x;at.y=m.y;at=at.matrixTransform(svg.getScreenCTM());\n"
    " return {left:at.x,right:at.x,top:at.y,bottom:at.y};}\n"
    "function far(r,x,y){return Math.hypot(Math.max(r.left-x,0,x-r.right),Math.max(r.top-y,0,y-r.bottom));}\n"
    "function hide(){tip.hidden=true;if(ring)ring.classList.remove('on');ring=null;}\n"
    "function show(ev){var svg=ev.target.closest?ev.target.closest('svg'):null;hide();\n"
    " if(!svg)return;var best=null,least=24,rect=null;\n"
    " marks(svg).forEach(function(m){var r=place(svg,m),d=far(r,ev.clientX,ev.clientY);\n"
    "  if(least>d){least=d;best=m;rect=r;}});\n"
    " if(!best)return;tip.textContent=best.text;tip.hidden=false;\n"
    " if(best.e){ring=best.e;ring.classList.add('on');}\n"
    " var w=tip.offsetWidth,x=Math.min(Math.max((rect.left+rect.right)/2-w/2,4),innerWidth-w-4);\n"
    " var top=rect.top-tip.offsetHeight-8;tip.style.left=x+'px';\n"
    " tip.style.top=(top>4?top:rect.bottom+10)+'px';}\n"
    "D.addEventListener('pointermove',show);D.addEventListener('pointerdown',show);\n"
    "D.addEventListener('scroll',hide,true);D.addEventListener('pointerleave',hide);\n"
    /* ---- sliders ---- */
    "all('.slide').forEach(function(box,nr){var parts=[].slice.call(box.children),last=parts.length-1;\n"
    " if(1>last)return;var p=make('p','slider'),i=make('input',''),o=make('output',''),l=make('label','','Layer');\n"
    " i.type='range';i.min=0;i.max=last;i.step=1;i.value=last;i.id='slide-'+nr;l.htmlFor=i.id;o.htmlFor=i.id;\n"
    " function choose(){parts.forEach(function(x,at){x.hidden=at!==+i.value;});\n"
    "  o.textContent=parts[+i.value].getAttribute('data-name');i.setAttribute('aria-valuetext',o.textContent);}\n"
    " p.appendChild(l);p.appendChild(i);p.appendChild(o);box.parentNode.insertBefore(p,box);\n"
    " i.addEventListener('input',choose);choose();});\n"
    /* ---- copying ---- */
    "function plain(text,done){var a=make('textarea','');a.value=text;D.body.appendChild(a);a.select();\n"
    " try{done(D.execCommand('copy'));}catch(e){done(false);}D.body.removeChild(a);}\n"
    "function "
    "copy(text,done){if(navigator.clipboard)navigator.clipboard.writeText(text).then(function(){done(true);},\n"
    " function(){plain(text,done);});else plain(text,done);}\n"
    "all('[data-copy]').forEach(function(e){var b=make('button','copy',e.getAttribute('data-copy'));b.type='button';\n"
    " b.addEventListener('click',function(){copy(e.innerText.trim(),function(ok){b.textContent=ok?'Copied':\n"
    "  'Select the text to copy it';setTimeout(function(){b.textContent=e.getAttribute('data-copy');},2000);});});\n"
    " e.parentNode.insertBefore(b,e);});\n"
    "})();\n";
